import { type Duration } from 'cdk8s';

/** The duration in whole seconds. Throws when it is none: Kubernetes would end the run before it began. */
export function atLeastASecond(name: string, duration: Duration): number {
  const seconds = Math.floor(duration.toMilliseconds() / 1000);
  if (seconds >= 1) return seconds;
  throw new Error(`'${name}' must be at least a second, got ${duration.toHumanString()}`);
}
