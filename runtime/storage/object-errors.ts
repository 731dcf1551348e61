import { IntegrityError, ObjectMissingError } from '../errors';

const WHAT_TO_DO = "run 'tempo-backup verify' to see which recovery points it belongs to";

export function objectMissing(key: string, url: string): ObjectMissingError {
  return new ObjectMissingError(`read object '${key}' in '${url}': it isn't there; ${WHAT_TO_DO}`, { key });
}

/** A small document is expected; reading something huge in its place would cost the memory of everything else. */
export function tooLarge(key: string, url: string, evidence: { limit: number; size: number }): IntegrityError {
  const { limit, size } = evidence;
  return new IntegrityError(
    `read object '${key}' in '${url}': it has ${size} bytes where at most ${limit} are expected; ${WHAT_TO_DO}`,
    { key, ...evidence },
  );
}

export function endsEarly(
  key: string,
  url: string,
  evidence: { offset: number; wanted: number; size: number },
): IntegrityError {
  const { offset, wanted, size } = evidence;
  return new IntegrityError(
    `read object '${key}' in '${url}': it ends after ${size} bytes, before the ${wanted} bytes at ${offset}; ${WHAT_TO_DO}`,
    { key, ...evidence },
  );
}

/** A FIFO or a device: to read it might wait for ever. */
export function notAFile(key: string, url: string): IntegrityError {
  return new IntegrityError(
    `use object '${key}' in '${url}': it is no regular file; move it out of the repository, then ${WHAT_TO_DO}`,
    { key },
  );
}
