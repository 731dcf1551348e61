import * as pulumi from '@pulumi/pulumi';

/** What is wrong with a value, as `must …`; undefined: nothing. */
export type Check<T> = (value: T) => string | undefined;

/**
 * The value, usable only when it is sound: a plain one is checked at once, an output as soon as it is known. What is made from the result
 * waits for the check.
 */
export function validated<T>(propertyPath: string, value: pulumi.Input<T>, check: Check<T>): pulumi.Output<T> {
  const checked = (known: T): T => {
    const reason = check(known);
    if (reason !== undefined) throw new pulumi.InputPropertyError({ propertyPath, reason });
    return known;
  };
  if (isPlain(value)) checked(value as T);
  return pulumi.output(value).apply((known) => checked(known as T));
}

/** Throws now, for what must be known when the program runs. */
export function refuse(propertyPath: string, reason: string): never {
  throw new pulumi.InputPropertyError({ propertyPath, reason });
}

export function isPlain(value: unknown): boolean {
  return !pulumi.Output.isInstance(value) && !(value instanceof Promise);
}
