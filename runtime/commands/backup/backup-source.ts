import { tempoBucketUrl } from '../../../lib/contract/tempo-storage-config';
import { BucketSource } from '../../tempo/bucket/bucket-source';
import { type Cut, type CutOptions, takeCut, takeCutOf } from '../../tempo/source/cut';
import type { CutSink } from '../../tempo/source/cut-sink';
import { type SourceFolders, sourceFolders } from '../../tempo/source/source-description';
import { TempoSource } from '../../tempo/source/tempo-source';
import type { FlushSource } from '../../tempo/flush/flush-barrier';
import { SourceDisk } from '../../tempo/source/source-disk';
import { WalFolder } from '../../tempo/wal/wal-folder';
import type { CommandContext } from '../context';

/** The data that a backup is made of, in a folder or in a bucket. */
export interface BackupSource extends Pick<SourceFolders, 'tracesPath' | 'relativeWalPath'> {
  /** For messages. */
  readonly place: string;
  /** Where it shows whether Tempo has flushed. */
  readonly flush: FlushSource;
  /** To a bucket; none to a folder. */
  readonly requests: Readonly<Record<string, number>>;
  take(sink: CutSink, options: CutOptions): Promise<Cut>;
  close(): Promise<void>;
}

/** Opens where the configuration says that Tempo keeps its data. */
export function openBackupSource({ config, openBucket }: CommandContext): BackupSource {
  const { storage } = config.tempo;
  if (storage.backend === 'local') return folderSource(sourceFolders(storage));
  const bucket = openBucket(tempoBucketUrl(storage));
  const { walPath } = storage;
  return {
    place: bucket.url,
    flush: { wal: new WalFolder(new SourceDisk(), walPath), path: undefined },
    tracesPath: 'traces',
    relativeWalPath: walPath === undefined ? null : walPath.endsWith('live-store/traces') ? 'live-store/traces' : 'wal',
    requests: bucket.requests,
    take: (sink, options) =>
      takeCutOf(new BucketSource(bucket, sink, { walPath, signal: options.signal }), sink, options),
    close: () => bucket.close(),
  };
}

/** Of both a repository and a source. */
export function sumOfRequests(...counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const each of counts) for (const [kind, count] of Object.entries(each)) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}

function folderSource(folders: SourceFolders): BackupSource {
  const source = TempoSource.open({ path: folders.path, walPath: folders.walPath });
  return {
    place: folders.path,
    flush: source,
    tracesPath: folders.tracesPath,
    relativeWalPath: folders.relativeWalPath,
    requests: {},
    take: (sink, options) => takeCut(source, sink, options),
    close: async () => undefined,
  };
}
