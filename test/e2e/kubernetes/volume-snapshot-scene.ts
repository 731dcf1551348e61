import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SnapshotOptions } from '../../../lib/contract/command-line/commands';
import { kubernetesRights } from '../../../lib/contract/kubernetes-rights';
import type { CommandResults } from '../../../lib/contract/results';
import { parseRunnerConfig } from '../../../lib/contract/runner-config';
import { Repository } from '../../../runtime/repository/repository';
import { run } from '../../../runtime/run';
import { openStorage } from '../../../runtime/storage/open-storage';
import { record } from './harness/records';

const execute = promisify(execFile);

type ResultOf<A> = Extract<CommandResults['snapshot'], { action: A }>;

export interface Ran<A> {
  readonly exitCode: number;
  readonly result: ResultOf<A> & { readonly error?: { readonly message: string } };
  readonly seconds: number;
  readonly stderr: string;
}

export interface StorageClasses {
  /** The driver's VolumeSnapshotClass. */
  readonly snapshotClass: string;
  /** Its StorageClasses: those that make a volume at once, and those that wait for a pod. */
  readonly immediate: string;
  readonly all: readonly string[];
}

/** A namespace of its own in the cluster of KUBECONFIG, a workload with a volume in it, and a repository in a folder. */
export class VolumeSnapshotScene {
  static async create(image: string): Promise<VolumeSnapshotScene> {
    const folder = await mkdtemp(join(tmpdir(), 'tempo-backup-e2e-'));
    const scene = new VolumeSnapshotScene(folder, image, `tempo-backup-e2e-${randomBytes(4).toString('hex')}`);
    await scene.kubectl('create', 'namespace', scene.namespace);
    // As the first backup does.
    const storage = await openStorage(scene.repository, { create: true, signal: new AbortController().signal });
    await Repository.open(storage, { create: true });
    await storage.close();
    return scene;
  }

  private constructor(
    private readonly folder: string,
    private readonly image: string,
    readonly namespace: string,
  ) {}

  private get repository(): string {
    return `file://${join(this.folder, 'repository')}`;
  }

  async kubectl(...args: string[]): Promise<string> {
    return (await execute('kubectl', ['-n', this.namespace, ...args])).stdout.trim();
  }

  /** Runs a line of shell, as a person would who copies it. */
  async shell(line: string): Promise<void> {
    await execute('/bin/sh', ['-c', line]);
  }

  async apply(...objects: object[]): Promise<void> {
    const file = join(this.folder, 'objects.json');
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    await this.kubectl('apply', '-f', file);
  }

  /** Names of all objects of a kind; those of the cluster when it isn't namespaced. */
  async names(kind: string): Promise<string[]> {
    const text = await this.kubectl('get', kind, '-o', 'name');
    return text === '' ? [] : text.split('\n').map((line) => line.replace(/^.*\//, ''));
  }

  /** A driver with a VolumeSnapshotClass and at least one StorageClass. */
  async storageClasses(): Promise<StorageClasses> {
    const list = async (kind: string) =>
      JSON.parse(await this.kubectl('get', kind, '-o', 'json')) as { items: Named[] };
    const [snapshotClass] = (await list('volumesnapshotclass')).items;
    const classes = (await list('storageclass')).items.filter(
      ({ provisioner }) => provisioner === snapshotClass?.driver,
    );
    const immediate = classes.find(({ volumeBindingMode }) => volumeBindingMode !== 'WaitForFirstConsumer');
    if (!snapshotClass || !immediate) throw new Error('the cluster has no driver that makes volume snapshots');
    return {
      snapshotClass: snapshotClass.metadata.name,
      immediate: immediate.metadata.name,
      all: classes.map(({ metadata }) => metadata.name),
    };
  }

  /** A kubeconfig of an identity that has exactly the rights of `snapshot`, or none. */
  async identity(name: string, claims: readonly string[] | undefined): Promise<string> {
    await this.kubectl('create', 'serviceaccount', name);
    if (claims !== undefined) {
      await this.apply(...this.grants(name, claims));
      record('accounts', { namespace: this.namespace, serviceAccount: name, identity: 'snapshot' });
    }
    const token = await this.kubectl('create', 'token', name, '--duration=1h');
    const config = JSON.parse(await this.kubectl('config', 'view', '--raw', '--minify', '-o', 'json')) as Kubeconfig;
    const file = join(this.folder, `${name}.kubeconfig`);
    const users = config.users.map((user) => ({ name: user.name, user: { token } }));
    await writeFile(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
    return file;
  }

  /** Runs the program in this process. */
  async run<A extends SnapshotOptions['action']>(
    action: A,
    args: readonly string[],
    options: { readonly config: object; readonly kubeconfig?: string; readonly mayFail?: boolean },
  ): Promise<Ran<A>> {
    const before = process.env.KUBECONFIG;
    if (options.kubeconfig !== undefined) process.env.KUBECONFIG = options.kubeconfig;
    try {
      const began = performance.now();
      const { exitCode, stdout, stderr } = await this.type('snapshot', action, ...args)(options.config);
      const seconds = (performance.now() - began) / 1000;
      const result = JSON.parse(stdout) as Ran<A>['result'];
      if (result.error && !options.mayFail) throw new Error(`snapshot ${action}: ${result.error.message}`);
      return { exitCode, stderr, seconds, result };
    } finally {
      process.env.KUBECONFIG = before;
    }
  }

  /** A pod that writes `/data/lines` when it isn't there, and stays. */
  podTemplate(claim: string | undefined, label: string): object {
    const script = `test -f /data/lines || seq 1 5000 > /data/lines; sync; trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done`;
    return {
      metadata: { labels: { app: label } },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [
          {
            name: 'tempo',
            image: this.image,
            imagePullPolicy: 'IfNotPresent',
            command: ['/bin/sh', '-c', script],
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
        ...(claim === undefined ? {} : { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] }),
      },
    };
  }

  /** Runs a line in the workload's pod. */
  async inPod(workload: string, line: string): Promise<string> {
    return this.kubectl('exec', workload, '--', '/bin/sh', '-c', line);
  }

  async remove(): Promise<void> {
    const volumes = JSON.parse(await this.kubectl('get', 'pv', '-o', 'json')) as { items: Volume[] };
    await this.kubectl('delete', 'namespace', this.namespace, '--timeout=100s');
    // Those that the steps by hand told to stay.
    const kept = volumes.items.filter(({ spec }) => spec.claimRef?.namespace === this.namespace);
    for (const { metadata, spec } of kept.filter((each) => each.spec.persistentVolumeReclaimPolicy === 'Retain')) {
      const policy = { spec: { ...spec, persistentVolumeReclaimPolicy: 'Delete' } };
      await this.kubectl('patch', 'pv', metadata.name, '--type=merge', '-p', JSON.stringify(policy));
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private grants(name: string, claims: readonly string[]): object[] {
    const { kubernetes } = parseRunnerConfig({
      repository: { url: 'file:///x' },
      kubernetes: {
        namespace: this.namespace,
        workload: { kind: 'Deployment', name: 'tempo' },
        persistentVolumeClaims: claims,
      },
    });
    if (!kubernetes) throw new Error('no kubernetes in the configuration');
    const rules = kubernetesRights('snapshot', kubernetes).map(({ group, resource, verbs, names }) => ({
      apiGroups: [group],
      resources: [resource],
      verbs,
      resourceNames: names,
    }));
    const apiGroup = 'rbac.authorization.k8s.io';
    const header = (kind: string) => ({ apiVersion: `${apiGroup}/v1`, kind, metadata: { name } });
    return [
      { ...header('Role'), rules },
      {
        ...header('RoleBinding'),
        roleRef: { apiGroup, kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace: this.namespace }],
      },
    ];
  }

  private type(...args: string[]) {
    return async (config: object): Promise<{ exitCode: number; stdout: string; stderr: string }> => {
      const file = join(this.folder, 'tempo-backup.yaml');
      await writeFile(file, JSON.stringify({ repository: { url: this.repository }, ...config }));
      const written = { stdout: '', stderr: '' };
      const sink = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
      const surroundings = { stdout: sink('stdout'), stderr: sink('stderr'), onSignal: () => undefined };
      const exitCode = await run([...args, '--config', file, '--output', 'json'], surroundings);
      return { exitCode, ...written };
    };
  }
}

interface Named {
  readonly metadata: { readonly name: string };
  readonly driver?: string;
  readonly provisioner?: string;
  readonly volumeBindingMode?: string;
}

interface Volume extends Named {
  readonly spec: { readonly claimRef?: { readonly namespace: string }; readonly persistentVolumeReclaimPolicy: string };
}

interface Kubeconfig {
  readonly users: readonly { readonly name: string }[];
}
