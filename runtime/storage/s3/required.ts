import { StorageError } from '../../errors';

/** What S3 always says. */
export function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new StorageError(
    `read the server's answer: it has no ${name}; check that 'endpoint' is an S3 server, not a proxy`,
  );
}
