import type { RestoreResult } from '../../../lib/contract/results';
import type { Log, LogFields, LogLevel } from '../../log';
import type { TerminationMessage } from '../../termination-message';

/** The log of a pod that runs the runner: its lines are repeated here, and its result is kept. */
export class PodLog {
  isWhole = false;
  result: RestoreResult | undefined;
  error: TerminationMessage['error'];
  private seen = 0;
  private at = 0;

  constructor(private readonly log: Log) {}

  /** From the first line on, as a log that is followed again comes from its beginning. */
  begin(): void {
    this.at = 0;
  }

  line(text: string): void {
    if (this.at++ < this.seen) return;
    this.seen = this.at;
    const value = parsed(text);
    if (value === undefined) this.log.info(text);
    else if (isEntry(value)) this.repeat(value);
    else if ('recoveryPoint' in value) this.result = value as unknown as RestoreResult;
    else if ('error' in value) this.error = value.error as TerminationMessage['error'];
  }

  private repeat({ level, message, time: _time, ...fields }: Entry): void {
    this.log[level](message, fields as LogFields);
  }
}

interface Entry extends Readonly<Record<string, unknown>> {
  readonly level: LogLevel;
  readonly message: string;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isEntry(value: Readonly<Record<string, unknown>>): value is Entry {
  const { level, message } = value;
  return ['debug', 'info', 'warn', 'error'].some((known) => known === level) && typeof message === 'string';
}
