import { Chart, Duration, Size, Testing } from 'cdk8s';
import {
  BackupPlan,
  BackupRepository,
  Encryption,
  RunnerImage,
  S3Credentials,
  Schedule,
  ServiceAccount,
  Tempo,
  TempoBackup,
  TempoStorage,
  VolumeAccess,
  VolumeSnapshotClass,
} from '../../../../lib/kubernetes/index';
import type { KubernetesObject } from './cluster/objects';
import { TEMPO } from './tempo/tempo-objects';

export interface RunnerOptions {
  readonly namespace: string;
  /** With its tag. */
  readonly image: string;
  /** As pods reach it. */
  readonly repository: { readonly endpoint: string; readonly bucket: string; readonly region: string };
  readonly credentials: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string };
  /** Armored public key to which Secrets are encrypted. */
  readonly recipient: string;
  /** How backups get at the volume: mounted beside Tempo on its node, or a copy of their own. @default 'shared' */
  readonly access?: 'shared' | 'clone';
  /** Name of the VolumeSnapshotClass. @default - no volume snapshots are made */
  readonly volumeSnapshotClass?: string;
  /** Under which the repository knows the Tempo. @default - that of the Tempo of the tests */
  readonly name?: string;
  /** How long a restore waits for each thing. @default 90 */
  readonly restoreDeadlineSeconds?: number;
}

/** Secret with the private key, which a restore needs and a backup doesn't. */
export const RESTORE_KEY = 'tempo-backup-private-key';

/** ServiceAccount that may start a restore, and nothing more. */
export const ON_CALL = 'on-call';

const CREDENTIALS = 'tempo-backup-s3';

/** What a user would synthesize for the Tempo of the tests, and what that builds upon. Suspended: the tests start each run. */
export function runnerObjects(options: RunnerOptions): KubernetesObject[] {
  const { namespace, credentials } = options;
  const chart = new Chart(Testing.app(), 'tempo-backup', { namespace });
  addBackup(chart, options);
  const stringData = {
    'access-key-id': credentials.AWS_ACCESS_KEY_ID,
    'secret-access-key': credentials.AWS_SECRET_ACCESS_KEY,
  };
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: CREDENTIALS, namespace }, stringData },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ON_CALL, namespace } },
    ...(Testing.synth(chart) as KubernetesObject[]),
  ];
}

function addBackup(chart: Chart, options: RunnerOptions): void {
  const { repository, recipient, volumeSnapshotClass, restoreDeadlineSeconds = 90 } = options;
  const privateKey = { secret: RESTORE_KEY };
  const backup = new TempoBackup(chart, 'Backup', {
    tempo: tempo(options),
    repository: BackupRepository.s3Compatible({
      ...repository,
      prefix: 'tempo',
      credentials: S3Credentials.fromSecret(CREDENTIALS),
    }),
    image: image(options.image),
    plan: BackupPlan.recommended().with({
      secretsEncryption: Encryption.openPgp({ recipients: [recipient], privateKey }),
    }),
    restore: { deadline: Duration.seconds(restoreDeadlineSeconds) },
    suspend: true,
  });
  backup.grantRestore(ServiceAccount.fromName(ON_CALL, options));
  if (volumeSnapshotClass === undefined) return;
  backup.addVolumeSnapshots({
    volumeSnapshotClass: VolumeSnapshotClass.fromName(volumeSnapshotClass),
    schedule: Schedule.daily({ hour: 2 }),
  });
}

function tempo({ access = 'shared', name }: RunnerOptions): Tempo {
  return Tempo.fromAttributes({
    name,
    url: `http://${TEMPO.name}:3200`,
    podLabels: TEMPO.labels,
    workload: { kind: 'StatefulSet', name: TEMPO.name },
    configMaps: [TEMPO.configMap],
    secrets: [TEMPO.secret],
    services: [TEMPO.name],
    storage: TempoStorage.persistentVolumeClaim(TEMPO.claim, {
      walPath: TEMPO.walPath,
      access: access === 'shared' ? VolumeAccess.SHARED : VolumeAccess.clone({ size: Size.gibibytes(1) }),
    }),
  });
}

function image(reference: string): RunnerImage {
  const [, name = '', tag = ''] = /^(.*):([^:/]+)$/.exec(reference) ?? [];
  return RunnerImage.fromRegistry(name, { tag });
}

/** The same objects, with copies of the volume made of a volume snapshot: constructs clone the claim itself. */
export function fromVolumeSnapshot(objects: readonly KubernetesObject[], name: string): KubernetesObject[] {
  const source = JSON.stringify({ kind: 'PersistentVolumeClaim', name: TEMPO.claim });
  const snapshot = JSON.stringify({ apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name });
  return JSON.parse(JSON.stringify(objects).replaceAll(source, snapshot)) as KubernetesObject[];
}
