import { randomBytes } from 'node:crypto';
import { KUBERNETES_IDENTITIES } from '../../../../lib/contract/kubernetes-rights';
import { Api, ApiError } from './cluster/api';
import { type KubernetesObject, type Pod, reference } from './cluster/objects';
import { jobEnd, logOf, podEnd, podsOf, type RunEnd, summaryOf } from './cluster/pod-ends';
import { CONTAINER_SECURITY, POD_SECURITY, RESTRICTED_LABELS } from './cluster/security';
import { eventually } from './cluster/wait';
import { RepositoryBucket, S3_KEYS } from './servers/repository-bucket';
import { type EncryptionKey, newEncryptionKey } from './encryption-key';
import { record } from './records';
import { fromVolumeSnapshot, ON_CALL, RESTORE_KEY, runnerObjects, type RunnerOptions } from './runner-objects';
import { TempoClient } from './tempo/tempo-client';
import { TEMPO, tempoObjects, type TempoOptions } from './tempo/tempo-objects';

export interface SceneOptions extends RunnerChanges {
  /** A repository that is there and stays. @default - one of its own */
  readonly bucket?: RepositoryBucket;
  readonly accessMode?: TempoOptions['accessMode'];
  readonly storageClass?: TempoOptions['storageClass'];
}

/** In what the runner's objects differ from the usual ones. */
export interface RunnerChanges extends Pick<
  RunnerOptions,
  'access' | 'volumeSnapshotClass' | 'restoreDeadlineSeconds' | 'name'
> {
  /** What clones are made of. @default - the claim itself */
  readonly cloneOf?: string;
}

/** A namespace that enforces *restricted*, in it a Tempo with a volume and the runner's objects; beside it a bucket for the repository. */
export class Scene {
  readonly tempo: TempoClient;
  private node: string | undefined;

  private constructor(
    readonly api: Api,
    readonly namespace: string,
    readonly bucket: RepositoryBucket,
    private readonly given: {
      /** Images. */
      readonly runner: string;
      readonly tempo: string;
      /** To which Secrets are encrypted. */
      readonly key: EncryptionKey;
      /** Whether the bucket goes with the scene. */
      readonly isOwn: boolean;
    },
  ) {
    this.tempo = new TempoClient(api, namespace);
  }

  /** With Tempo ready. */
  static async create(options: SceneOptions = {}): Promise<Scene> {
    const { KUBECONFIG = '', E2E_RUNNER_IMAGE: runner = '', E2E_TEMPO_IMAGE: tempo = '' } = process.env;
    const api = new Api(KUBECONFIG);
    const namespace = `e2e-${randomBytes(4).toString('hex')}`;
    const bucket = options.bucket ?? (await RepositoryBucket.create(process.env.E2E_HOST_ADDRESS ?? api.host));
    const isOwn = options.bucket === undefined;
    const scene = new Scene(api, namespace, bucket, { runner, tempo, key: await newEncryptionKey(), isOwn });
    for (const identity of KUBERNETES_IDENTITIES)
      record('accounts', { namespace, serviceAccount: `tempo-${identity}`, identity });
    record('accounts', { namespace, serviceAccount: ON_CALL, identity: ON_CALL });
    try {
      await scene.setUp(options);
    } catch (error) {
      const state = await scene.describe();
      await scene.remove();
      throw new Error(`set up '${namespace}': ${String(error)}\n${state}`, { cause: error });
    }
    return scene;
  }

  private async setUp({ accessMode, storageClass, bucket: _bucket, ...changes }: SceneOptions): Promise<void> {
    await this.applyNamespace();
    await this.applyTempo({ accessMode, storageClass });
    await this.applyRunner(changes);
    await this.tempo.ready();
  }

  async applyNamespace(): Promise<void> {
    const metadata = { name: this.namespace, labels: RESTRICTED_LABELS };
    await this.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata });
  }

  /** Applies Tempo's objects; their configuration again when somebody broke it. */
  async applyTempo({ kinds, ...options }: Partial<TempoOptions> & { kinds?: string[] } = {}): Promise<void> {
    const objects = tempoObjects({ namespace: this.namespace, image: this.given.tempo, ...options });
    await this.apply(objects.filter(({ kind }) => kinds?.includes(kind) ?? true));
  }

  /** Applies the runner's objects, again when they are to be other ones, and the key that a restore needs. */
  async applyRunner(changes: RunnerChanges = {}): Promise<void> {
    const metadata = { name: RESTORE_KEY, namespace: this.namespace };
    const stringData = { 'private.asc': this.privateKey };
    await this.apply([{ apiVersion: 'v1', kind: 'Secret', metadata, stringData }, ...this.runnerObjects(changes)]);
  }

  /** That Secrets are encrypted to. */
  get privateKey(): string {
    return this.given.key.privateKey;
  }

  /** What the constructs make of the scene. */
  runnerObjects({ cloneOf, ...changes }: RunnerChanges = {}): KubernetesObject[] {
    const { namespace, bucket } = this;
    const { runner: image, key } = this.given;
    const given = { namespace, image, repository: bucket.inCluster, recipient: key.publicKey };
    const objects = runnerObjects({ ...given, credentials: S3_KEYS, ...changes });
    return cloneOf === undefined ? objects : fromVolumeSnapshot(objects, cloneOf);
  }

  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) await this.api.apply(object);
  }

  /** As `kubectl create job NAME --from=cronjob/CRONJOB`. */
  async startJob(cronJob: string): Promise<string> {
    const name = `${cronJob}-${randomBytes(3).toString('hex')}`;
    const found = await this.api.get<KubernetesObject & { spec: { jobTemplate: { spec: object } } }>(
      reference('CronJob', this.namespace, cronJob),
    );
    if (!found) throw new Error(`CronJob '${cronJob}' isn't there`);
    const annotations = { 'cronjob.kubernetes.io/instantiate': 'manual' };
    const metadata = { name, namespace: this.namespace, annotations };
    await this.api.apply({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec: found.spec.jobTemplate.spec });
    return name;
  }

  jobEnd(job: string, seconds?: number): Promise<RunEnd> {
    return jobEnd(this.api, this.namespace, job, seconds);
  }

  async runJob(cronJob: string): Promise<RunEnd> {
    return this.jobEnd(await this.startJob(cronJob));
  }

  /** Name of the Job's newest pod, once it runs. */
  async runningPod(job: string): Promise<string> {
    return eventually(`running pod of '${job}'`, async () => {
      const pod = (await podsOf(this.api, this.namespace, job)).at(-1);
      return pod?.status.phase === 'Running' && pod.metadata.deletionTimestamp === undefined && pod.metadata.name;
    });
  }

  async logOfJob(job: string): Promise<string> {
    const pods = await podsOf(this.api, this.namespace, job);
    return (await Promise.all(pods.map(({ metadata }) => logOf(this.api, this.namespace, metadata.name)))).join('\n');
  }

  /** With a second of grace: without any, another pod would get the volume while this one may still write to it. */
  async killPod(name: string): Promise<void> {
    await this.api.delete(reference('Pod', this.namespace, name), 1);
  }

  /** As `kubectl drain` does it. */
  async evict(name: string): Promise<void> {
    const path = `/api/v1/namespaces/${this.namespace}/pods/${name}/eviction`;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: this.namespace } };
    const headers = { 'content-type': 'application/json' };
    const { status, body } = await this.api.call('POST', path, { body: JSON.stringify(eviction), headers });
    if (status !== 201) throw new ApiError(`evict pod '${name}'`, status, body);
  }

  /** Makes a volume snapshot of Tempo's claim, by the cluster's first class, and waits until it is ready. */
  async takeVolumeSnapshot(name: string): Promise<void> {
    const [snapshotClass] = await this.api.list(reference('VolumeSnapshotClass', '', ''));
    const snapshot = reference('VolumeSnapshot', this.namespace, name);
    const source = { persistentVolumeClaimName: TEMPO.claim };
    await this.api.apply({ ...snapshot, spec: { volumeSnapshotClassName: snapshotClass?.metadata.name, source } });
    await eventually(`volume snapshot '${name}'`, async () => {
      const found = await this.api.get<KubernetesObject & { status?: { readyToUse?: boolean } }>(snapshot);
      return found?.status?.readyToUse;
    });
  }

  /** Whether new pods may come to the node on which Tempo's volume is. */
  async setSchedulable(isSchedulable: boolean): Promise<void> {
    const pod = await this.api.get<Pod & { spec: { nodeName: string } }>(reference('Pod', this.namespace, TEMPO.pod));
    const node = this.node ?? pod?.spec.nodeName;
    if (node === undefined) throw new Error(`pod '${TEMPO.pod}' is on no node`);
    this.node = node;
    await this.api.merge({ ...reference('Node', '', node), spec: { unschedulable: !isSchedulable } });
  }

  /** Runs a script of Node in a pod of the runner's image, with what else of a pod's specification is given. */
  async runScript(script: string, volumes: { readonly claim?: string } = {}): Promise<RunEnd> {
    const name = `script-${randomBytes(3).toString('hex')}`;
    const { claim } = volumes;
    const container = {
      name: 'script',
      image: this.given.runner,
      imagePullPolicy: 'IfNotPresent',
      command: ['/usr/local/bin/node', '-e', script],
      securityContext: CONTAINER_SECURITY,
      volumeMounts: claim === undefined ? [] : [{ name: 'claim', mountPath: '/var/tempo' }],
    };
    const spec = {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: POD_SECURITY,
      containers: [container],
      volumes: claim === undefined ? [] : [{ name: 'claim', persistentVolumeClaim: { claimName: claim } }],
    };
    await this.api.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: this.namespace }, spec });
    const end = await podEnd(this.api, this.namespace, name);
    // While it is there, the claim can't go.
    await this.api.delete(reference('Pod', this.namespace, name));
    return end;
  }

  /** All that was made goes, from the S3 server at once, from the cluster in its own time. */
  async remove(): Promise<void> {
    await this.api.delete(reference('Namespace', '', this.namespace));
    if (this.given.isOwn) await this.bucket.remove();
  }

  private async describe(): Promise<string> {
    const pods = await this.api.list<Pod>(reference('Pod', this.namespace, ''));
    const events = await this.api.call('GET', `/api/v1/namespaces/${this.namespace}/events`);
    const messages = (JSON.parse(events.body) as { items: { message?: string }[] }).items.map(({ message }) => message);
    const log = await logOf(this.api, this.namespace, TEMPO.pod);
    return [...pods.map(summaryOf), ...messages, log.slice(-2000)].join('\n');
  }
}
