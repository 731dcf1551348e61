import { refuse } from '../private/validated-input';

/** A move to another class, of the plan's lifecycle rules. */
export interface Move {
  /** Age at which it happens. */
  readonly days: number;
  /** Class that objects move to. */
  readonly storageClass: string;
}

/** S3 moves nothing to these earlier, and nothing out of them sooner. */
const DAYS_OF_INFREQUENT_ACCESS = 30;
const INFREQUENT_ACCESS = ['STANDARD_IA', 'ONEZONE_IA'];
/** Objects only ever move down this list. */
const COLDER_LAST = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'ONEZONE_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'];

/**
 * Throws for a move that S3 refuses, or that would never happen. `path` is where the plan says it.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 */
export function checkMove(path: string, { days, storageClass }: Move, before: Move | undefined): void {
  if (INFREQUENT_ACCESS.includes(storageClass) && days < DAYS_OF_INFREQUENT_ACCESS)
    refuse(
      `${path}.after`,
      `must be at least ${DAYS_OF_INFREQUENT_ACCESS}d, as S3 moves nothing to ${storageClass} earlier, got ${days}d`,
    );
  if (before) checkNextMove(path, { days, storageClass }, before);
}

function checkNextMove(path: string, { days, storageClass }: Move, before: Move): void {
  if (COLDER_LAST.indexOf(before.storageClass) >= COLDER_LAST.indexOf(storageClass))
    refuse(
      `${path}.storageClass`,
      `must be colder than ${before.storageClass}, where the objects are moved after ${before.days} days, got ${storageClass}`,
    );
  if (before.storageClass === 'ONEZONE_IA' && storageClass === 'GLACIER_IR')
    refuse(
      `${path}.storageClass`,
      `must be GLACIER or DEEP_ARCHIVE, as S3 moves nothing else out of ONEZONE_IA, where the objects are moved after ${before.days} days, got GLACIER_IR`,
    );
  const earliest = before.days + DAYS_OF_INFREQUENT_ACCESS;
  if (INFREQUENT_ACCESS.includes(before.storageClass) && days < earliest)
    refuse(
      `${path}.after`,
      `must be at least ${earliest}d, as S3 keeps for ${DAYS_OF_INFREQUENT_ACCESS} days what moves to ${before.storageClass} after ${before.days} days, got ${days}d`,
    );
}
