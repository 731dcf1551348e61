import { tempoBucketUrl } from '../../../contract/index';
import { type BackupRepository } from '../../repository/backup-repository';
import { type Tempo } from '../../tempo/tempo';

/** A backup, as far as its repository is concerned. */
export interface RepositoryUser {
  /** Path of its construct. */
  readonly path: string;
  /** Path of its chart: what is in one chart is in one cluster. */
  readonly chart: string;
  /** Where its recovery points are kept. */
  readonly repository: BackupRepository;
}

/** What is wrong with where recovery points are kept: with Tempo's own data, or with those of another Tempo. */
export function repositoryProblems(user: RepositoryUser, tempo: Tempo, others: readonly RepositoryUser[]): string[] {
  const sharing = others.filter((other) => isShared(user, other)).map(({ path }) => `'${path}'`);
  return [
    ...(sharing.length === 0
      ? []
      : [
          `'repository' is '${user.repository.url}', and so is that of ${sharing.join(', ')}: a repository takes recovery points of one Tempo only; ` +
            'give each a prefix or path of its own',
        ]),
    ...placeProblems(user.repository, tempo),
  ];
}

/** Names of volumes, and of servers within a cluster, say nothing about those in another one. */
function isShared(mine: RepositoryUser, other: RepositoryUser): boolean {
  const isEverywhere = mine.repository._claim === undefined && endpointOf(new URL(mine.repository.url)) === '';
  return (isEverywhere || mine.chart === other.chart) && placeOf(mine.repository) === placeOf(other.repository);
}

function placeOf({ url, _claim }: BackupRepository): string {
  const parsed = new URL(url);
  return [_claim ?? '', endpointOf(parsed), parsed.hostname, parsed.pathname].join(' ');
}

function placeProblems(repository: BackupRepository, { storage }: Tempo): string[] {
  if (repository._claim !== undefined && repository._claim === storage.claim)
    return [
      `'repository' is volume '${storage.claim}', and so is 'tempo.storage': what destroys Tempo's data takes the recovery points with it; ` +
        'give the repository a volume of its own, or a bucket',
    ];
  const { _config } = storage;
  if (_config.backend !== 's3' || repository._claim !== undefined) return [];
  const [ours, theirs] = [new URL(repository.url), new URL(tempoBucketUrl(_config))];
  const isInOneBucket = ours.hostname === theirs.hostname && endpointOf(ours) === endpointOf(theirs);
  const [folder, tempos] = [folderOf(ours), folderOf(theirs)];
  if (!isInOneBucket || !(folder.startsWith(tempos) || tempos.startsWith(folder))) return [];
  return [
    `'repository' is 's3:/${folder}' and 'tempo.storage' is 's3:/${tempos}', one within the other: Tempo takes what lies there for tenants of its own ` +
      'and may delete it; give the repository a bucket of its own',
  ];
}

function endpointOf({ searchParams }: URL): string {
  const endpoint = searchParams.get('endpoint');
  return endpoint === null ? '' : new URL(endpoint).origin;
}

function folderOf({ hostname, pathname }: URL): string {
  return `/${hostname}${pathname}`.replace(/\/*$/, '/');
}
