import { type BackupRepository } from '../../repository/backup-repository';
import { type S3Credentials } from '../../repository/s3-credentials';
import { type Tempo } from '../../tempo/tempo';

/** The access keys of the runner: of the repository or of Tempo's bucket. Throws when both have some and they differ. */
export function oneSetOfKeys(
  path: string,
  { _credentials: ours }: BackupRepository,
  tempo: Tempo,
): S3Credentials | undefined {
  const { _credentials: theirs } = tempo.storage;
  if (ours === undefined || theirs === undefined || ours === theirs) return ours ?? theirs;
  throw new Error(
    `${path}: the runner has one set of access keys, but 'repository' and 'tempo.storage' have one each; ` +
      'permit one of them both buckets and give it once',
  );
}
