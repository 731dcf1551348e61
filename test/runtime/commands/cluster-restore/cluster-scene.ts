import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RestoreOptions } from '../../../../lib/contract/command-line/commands';
import { kubernetesRights } from '../../../../lib/contract/kubernetes-rights';
import type { ConfigFile, Manifest } from '../../../../lib/contract/manifest';
import { configKey } from '../../../../lib/contract/repository-layout';
import type { RestoreResult } from '../../../../lib/contract/results';
import { parseRunnerConfig, type RunnerConfig, type RunnerConfigInput } from '../../../../lib/contract/runner-config';
import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { canonicalJson } from '../../../../runtime/cluster/configuration/canonical-json';
import { stripObject } from '../../../../runtime/cluster/configuration/strip-object';
import { argumentsOf } from '../../../../runtime/cluster/workload/jobs';
import type { Pace } from '../../../../runtime/cluster/workload/wait-until';
import { parseCommand } from '../../../../runtime/command-line';
import { coordinateRestore } from '../../../../runtime/commands/cluster-restore/coordinate-restore';
import type { CommandContext, Outcome } from '../../../../runtime/commands/context';
import { restore } from '../../../../runtime/commands/restore';
import { RefusedError, RunnerError } from '../../../../runtime/errors';
import { NO_PROGRESS } from '../../../../runtime/progress';
import type { Repository } from '../../../../runtime/repository/repository';
import { verifyPoints } from '../../../../runtime/repository/verify';
import { SecretEncryption } from '../../../../runtime/secrets/secret-encryption';
import { MemoryStorage } from '../../../../runtime/storage/memory-storage';
import { digestOf } from '../../../../runtime/streams/digest';
import { terminationText } from '../../../../runtime/termination-message';
import { AnsweringTempo } from '../../../helpers/answering-tempo';
import { sourceOf } from '../../../helpers/buffer-source';
import {
  jobController,
  type JobOutcome,
  workloadController,
  type WorkloadBehaviour,
} from '../../../helpers/cluster/controllers';
import { ClusterDouble, type Controller } from '../../../helpers/cluster-double';
import { block, DEFAULTS, filesFor, NOW, POINT, storePoint, treeOf, wal } from '../restore/restore-scene';
import { BLOCKS, CRON_JOBS, NAMESPACE, objectsOf, tempoObjects } from './cluster-objects';

export const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';
const OLD_WAL_ID = '80b25cb9-2424-412f-8122-431f7d34a431';
const OLD_BLOCKS = { 'team-a': [block('team-a', { version: 'old' })] };

export interface SceneOptions {
  /** What is in the cluster beside the CronJobs. @default - Tempo's objects, broken */
  readonly objects?: readonly ClusterObject[];
  readonly cronJobs?: readonly ClusterObject[];
  readonly kind?: 'StatefulSet' | 'Deployment';
  /** Whether Tempo has a Secret: to decrypt one takes a second. @default false */
  readonly secret?: boolean;
  readonly workload?: WorkloadBehaviour;
  readonly controllers?: readonly Controller[];
  /** In place of the real mover; undefined as its answer: the real one. */
  readonly mover?: (job: ClusterObject) => Promise<JobOutcome> | 'pending' | undefined;
  readonly config?: (config: RunnerConfigInput) => RunnerConfigInput;
  /** What the recovery point has of the configuration. @default - Tempo's objects, good */
  readonly stored?: readonly ClusterObject[];
  readonly forge?: (manifest: Manifest) => Manifest;
}

/** Time of its own: waits of minutes last milliseconds. */
export function fastPace(): Pace {
  let passed = 0;
  return {
    now: () => passed,
    sleep: async (milliseconds, signal) => {
      passed += milliseconds;
      await delay(1);
      signal.throwIfAborted();
    },
  };
}

interface Parts {
  readonly folder: string;
  readonly config: RunnerConfig;
  readonly storage: MemoryStorage;
  readonly repository: Repository;
  readonly tempo: AnsweringTempo;
  readonly options: SceneOptions;
}

/** A Tempo in a cluster, its data and configuration spoilt, and a repository with a verified recovery point of it. */
export class ClusterScene {
  static async start(options: SceneOptions = {}): Promise<ClusterScene> {
    const tempo = await AnsweringTempo.start();
    const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tempo-backup-cluster-'));
    writeFileSync(join(folder, 'passphrase'), 'correct horse\n');
    const config = configIn(folder, tempo.url, options);
    const storage = new MemoryStorage({ clock: () => NOW });
    const repository = await storeAll(storage, config, options);
    const scene = new ClusterScene({ folder, config, storage, repository, tempo, options });
    await scene.reset();
    return scene;
  }

  cluster!: ClusterDouble;
  readonly logged: string[] = [];
  /** How many movers were at work at once, at most. */
  moversAtOnce = 0;
  private moversNow = 0;

  private constructor(private readonly parts: Parts) {
    parts.tempo.traces = join(this.volume, 'traces');
    parts.tempo.isReady = () => this.cluster.all('Pod').some(({ metadata }) => /^tempo-\d/.test(metadata.name));
  }

  get repository(): Repository {
    return this.parts.repository;
  }

  get storage(): MemoryStorage {
    return this.parts.storage;
  }

  get tempo(): AnsweringTempo {
    return this.parts.tempo;
  }

  /** As it was in the beginning. */
  async reset(): Promise<void> {
    const { options } = this.parts;
    await this.cluster?.stop();
    this.cluster = await ClusterDouble.start({
      objects: options.cronJobs ?? CRON_JOBS,
      user: `system:serviceaccount:${NAMESPACE}:tempo-restore`,
      rights: kubernetesRights('restore', this.kubernetes),
      controllers: [
        workloadController(options.workload),
        jobController((job) => this.move(job)),
        ...(options.controllers ?? []),
      ],
    });
    for (const object of options.objects ?? objectsIn('broken', options)) this.cluster.put(object);
    await delay(2);
    rmSync(this.volume, { recursive: true, force: true });
    for (const [name, text] of this.spoilt()) this.write(name, text);
  }

  get kubernetes(): NonNullable<RunnerConfig['kubernetes']> {
    const { kubernetes } = this.parts.config;
    if (!kubernetes) throw new Error('this scene is one in a cluster');
    return kubernetes;
  }

  context(changes: Partial<CommandContext> = {}): CommandContext {
    const log = (message: string): void => void this.logged.push(message);
    const { config, repository } = this.parts;
    return {
      config,
      repository,
      log: { debug: log, info: log, warn: log, error: log },
      progress: NO_PROGRESS,
      cluster: () => Promise.resolve(this.cluster.api(changes.signal)),
      openBucket: () => {
        throw new Error('no bucket here');
      },
      openStorage: () => Promise.reject(new Error('no other storage here')),
      signal: new AbortController().signal,
      now: () => NOW,
      ...changes,
    };
  }

  /** What the restore job runs. */
  coordinate(
    options: Partial<RestoreOptions> = {},
    changes: Partial<CommandContext> = {},
  ): Promise<Outcome<RestoreResult>> {
    const given = {
      ...DEFAULTS,
      recoveryPoint: 'latest-verified',
      scope: 'full',
      coordinate: true,
      ...options,
    } as const;
    return coordinateRestore(this.context(changes), given, fastPace());
  }

  /** The error of a restore that fails. */
  async failure(options: Partial<RestoreOptions> = {}, changes: Partial<CommandContext> = {}): Promise<RunnerError> {
    const error: unknown = await this.coordinate(options, changes).catch((thrown: unknown) => thrown);
    if (error instanceof RunnerError) return error;
    throw new Error(`it did not fail as expected: ${JSON.stringify(error)}`, { cause: error });
  }

  find(kind: string, name: string): ClusterObject {
    const found = this.cluster.find(kind, name);
    if (!found) throw new Error(`there is no ${kind} '${name}'`);
    return found;
  }

  get workload(): ClusterObject {
    return this.find(this.kubernetes.workload.kind, 'tempo');
  }

  /** Blocks and WAL that Tempo sees, without what was moved aside. */
  data(): Map<string, string> {
    return treeOf(this.volume, (name) => !name.startsWith('.tempo-backup-'));
  }

  /** All that was there in the beginning, wherever it lies now. */
  isSpoiltKept(): boolean {
    const found = new Set(treeOf(this.volume).values());
    return [...this.spoilt().values()].every((text) => found.has(text));
  }

  /** What Tempo must see after a restore of all. */
  static restored(): Map<string, string> {
    return new Map([...filesFor(BLOCKS)].map(([name, text]) => [join('traces', name), text]));
  }

  spoilt(): Map<string, string> {
    const blocks = [...filesFor(OLD_BLOCKS)].map(([name, text]) => [join('traces', name), text] as const);
    return new Map([...blocks, [`wal/${OLD_WAL_ID}+team-a+vParquet4/meta.json`, 'a broken WAL']]);
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await this.tempo.stop();
    rmSync(this.parts.folder, { recursive: true, force: true });
  }

  get asides(): string[] {
    return existsSync(this.volume)
      ? readdirSync(this.volume).filter((name) => name.startsWith('.tempo-backup-replaced-'))
      : [];
  }

  private get volume(): string {
    return join(this.parts.folder, 'var-tempo');
  }

  private write(name: string, text: string): void {
    const path = join(this.volume, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, 'latin1');
  }

  private move(job: ClusterObject): Promise<JobOutcome> | undefined {
    const given = this.parts.options.mover?.(job);
    if (given === 'pending') return undefined;
    return given ?? this.moveReally(job);
  }

  /** The command itself, and its last words as the program leaves them. */
  private async moveReally(job: ClusterObject): Promise<JobOutcome> {
    const call = parseCommand([...argumentsOf(job)]);
    if (call.command !== 'restore') throw new Error('the mover restores');
    this.moversAtOnce = Math.max(this.moversAtOnce, ++this.moversNow);
    const context = { ...this.context(), cluster: () => Promise.reject(new Error('the mover has no token')) };
    try {
      const { result, exitCode } = await restore(context, call.options);
      return { exitCode, message: terminationText({ exitCode, result }) };
    } catch (error) {
      if (!(error instanceof RunnerError)) throw error;
      const { exitCode, message, evidence } = error;
      const lift = error instanceof RefusedError ? error.lift : undefined;
      return { exitCode, message: terminationText({ exitCode, error: { message, lift, evidence } }) };
    } finally {
      this.moversNow--;
    }
  }
}

function objectsIn(state: 'good' | 'broken', { kind, secret = false }: SceneOptions): ClusterObject[] {
  return tempoObjects(state, kind).filter((object) => secret || object.kind !== 'Secret');
}

function configIn(folder: string, url: string, options: SceneOptions): RunnerConfig {
  const { config = (given) => given, kind = 'StatefulSet', secret = false } = options;
  return parseRunnerConfig(
    config({
      // Blocks of the fixture are as old as it is.
      tempo: { url, retention: '99999h', storage: { path: join(folder, 'var-tempo/traces') } },
      repository: { url: 'file:///unused' },
      encryption: { passphraseFile: join(folder, 'passphrase') },
      kubernetes: {
        namespace: NAMESPACE,
        workload: { kind, name: 'tempo' },
        configMaps: ['tempo-config'],
        secrets: secret ? ['tempo-s3'] : [],
        services: ['tempo'],
        persistentVolumeClaims: ['storage-tempo-0'],
        restore: { deadline: '20s' },
      },
    }),
  );
}

async function storeAll(storage: MemoryStorage, config: RunnerConfig, options: SceneOptions): Promise<Repository> {
  const { stored = objectsIn('good', options), forge = (manifest) => manifest } = options;
  const files: ConfigFile[] = [];
  for (const object of stored) files.push(await storeObject(storage, config, object));
  const repository = await storePoint(storage, {
    tenants: BLOCKS,
    wal: [wal('team-a', WAL_ID)],
    forge: (manifest) =>
      forge({
        ...manifest,
        source: { ...manifest.source, namespace: NAMESPACE },
        tenants: manifest.tenants.map((summary) => ({ ...summary, objects: objectsOf(summary.tenant) })),
        config: files,
      }),
  });
  await verifyPoints(repository, { points: [POINT], level: 'quick' });
  return repository;
}

async function storeObject(storage: MemoryStorage, config: RunnerConfig, object: ClusterObject): Promise<ConfigFile> {
  const { apiVersion, kind, metadata } = object;
  const plain = Buffer.from(canonicalJson(stripObject(object)));
  const encrypted =
    kind === 'Secret' ? await (await SecretEncryption.load(config.encryption)).encrypt(plain) : undefined;
  const bytes = encrypted?.bytes ?? plain;
  const sha256 = digestOf(bytes);
  const suffix = `${kind.toLowerCase()}.json`;
  await storage.put(configKey(sha256, suffix), sourceOf(bytes));
  return {
    name: `${kind}/${metadata.name}`,
    kind: suffix,
    key: configKey(sha256, suffix),
    size: bytes.length,
    sha256,
    object: { apiVersion, kind, namespace: NAMESPACE, name: metadata.name },
    ...(encrypted ? { encryption: { ...encrypted.readers, uid: 'u', resourceVersion: '1' } } : {}),
  };
}
