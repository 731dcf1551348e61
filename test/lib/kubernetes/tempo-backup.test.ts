import { ApiObject, Chart, Duration, JsonPatch, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import {
  BackupPlan,
  BackupRepository,
  BackupRule,
  ChangeGate,
  Encryption,
  RunnerImage,
  S3Credentials,
  Schedule,
  Tempo,
  type TempoBackup,
  TempoStorage,
  User,
  VolumeAccess,
} from '../../../lib/kubernetes/index';
import { forSnapshot, newBackup, newChart, Synthesized } from '../../helpers/synthesized';

const RUNS = [
  ...['wal', 'hourly', 'full', 'config', 'weekly', 'monthly'].map((rule) => `tempo-backup-${rule}`),
  ...['tempo-verify', 'tempo-prune', 'tempo-restore', 'tempo-restore-mover'],
];

const rule = (name: string, props: Partial<ConstructorParameters<typeof BackupRule>[0]> = {}) =>
  new BackupRule({ name, schedule: Schedule.cron('0 5 * * *'), deleteAfter: Duration.days(30), ...props });

const usual = Synthesized.of(newBackup());

describe('a backup with nothing but Tempo and repository', () => {
  const synthesized = usual;

  it('is this', () => {
    expect(forSnapshot(synthesized.objects)).toMatchSnapshot();
  });

  it('has these constructs, whose paths are public API', () => {
    const paths = newBackup()
      .node.findAll()
      .map(({ node }) => node.path);
    expect(paths).toMatchSnapshot();
  });

  it('runs each rule of the recommended plan, verification and prune, and waits for a restore', () => {
    expect(synthesized.names('CronJob')).toEqual(RUNS);
    expect(synthesized.config.plan.rules.map(({ name }) => name)).toEqual([
      ...['wal', 'hourly', 'full', 'config', 'weekly', 'monthly'],
    ]);
  });

  it('never starts a restore by itself', () => {
    const suspended = RUNS.filter((name) => synthesized.cronJob(name).suspend === true);
    expect(suspended).toEqual(['tempo-restore', 'tempo-restore-mover']);
    expect(synthesized.cronJob('tempo-restore').schedule).toBe('0 0 31 2 *');
  });

  it('defines nothing cluster-wide, and no volume snapshots', () => {
    const kinds = new Set(synthesized.objects.map(({ kind }) => kind));
    expect([...kinds]).toEqual(['ConfigMap', 'ServiceAccount', 'Role', 'RoleBinding', 'CronJob', 'NetworkPolicy']);
    expect(synthesized.objects.every(({ metadata }) => metadata.namespace === 'observability')).toBe(true);
    expect(synthesized.config.plan.volumeSnapshots).toEqual([]);
  });

  it('tells the runner about Tempo, its objects and the repository', () => {
    const { tempo, repository, kubernetes, encryption } = synthesized.config;
    expect(tempo).toMatchObject({
      name: 'tempo',
      url: 'http://tempo:3200',
      storage: { backend: 'local', path: '/var/tempo/traces', walPath: '/var/tempo/wal' },
      owner: '10001:10001',
    });
    expect(tempo.retention).toBeUndefined();
    expect(repository).toEqual({ url: 's3://acme-tempo-backups?region=eu-west-1', create: true });
    expect(kubernetes).toEqual({
      namespace: 'observability',
      workload: { kind: 'Deployment', name: 'tempo' },
      configMaps: ['tempo-config'],
      secrets: [],
      services: ['tempo'],
      persistentVolumeClaims: ['tempo'],
      restore: { cronJob: 'tempo-restore', moverCronJob: 'tempo-restore-mover', deadline: '30m' },
    });
    expect(encryption).toEqual({ recipients: [] });
  });

  it.each(RUNS)('marks %s and its pods with the recommended labels', (name) => {
    const { metadata, spec } = synthesized.get('CronJob', name);
    const template = (spec as { jobTemplate: { metadata: object; spec: { template: { metadata: object } } } })
      .jobTemplate;
    expect(metadata.labels).toMatchObject({
      'app.kubernetes.io/name': 'tempo-backup',
      'app.kubernetes.io/instance': 'tempo',
      'app.kubernetes.io/version': '0.1.0',
      'app.kubernetes.io/part-of': 'tempo',
      'app.kubernetes.io/managed-by': 'cdk8s',
    });
    expect(template.metadata).toEqual({ labels: metadata.labels });
    expect(template.spec.template.metadata).toMatchObject({ labels: metadata.labels });
  });
});

describe('every object of a backup', () => {
  it('has the recommended labels', () => {
    const backup = newBackup();
    backup.addVolumeSnapshots();
    backup.addChangeGate({ mechanism: ChangeGate.PLAIN_JOB });
    backup.grantRestore(User.fromName('on-call'));
    const { objects } = Synthesized.of(backup);
    const recommended = {
      'app.kubernetes.io/name': 'tempo-backup',
      'app.kubernetes.io/instance': 'tempo',
      'app.kubernetes.io/version': '0.1.0',
      'app.kubernetes.io/part-of': 'tempo',
      'app.kubernetes.io/managed-by': 'cdk8s',
    };
    for (const { metadata } of objects) expect(metadata.labels).toMatchObject(recommended);
    const components = ['ServiceAccount', 'CronJob', 'Job'];
    const without = objects.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === undefined);
    expect(without.filter(({ kind }) => components.includes(kind))).toEqual([]);
  });
});

describe('the props of a backup', () => {
  it('name everything after the Tempo', () => {
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', name: 'traces' });
    const synthesized = Synthesized.of(newBackup({ tempo }));
    expect(synthesized.objects.filter(({ metadata }) => !metadata.name.startsWith('traces-'))).toEqual([]);
    expect(synthesized.config.kubernetes?.restore).toMatchObject({
      cronJob: 'traces-restore',
      moverCronJob: 'traces-restore-mover',
    });
    expect(synthesized.config.tempo.name).toBe('traces');
  });

  it('take a plan', () => {
    const plan = BackupPlan.recommended().with({ rules: [rule('hourly', { schedule: Schedule.hourly() })] });
    const objectives = { wal: { recoveryPoint: null }, config: { recoveryPoint: Duration.hours(1) } };
    const synthesized = Synthesized.of(newBackup({ plan: plan.with({ objectives }) }));
    expect(synthesized.names('CronJob')[0]).toBe('tempo-backup-hourly');
    expect(synthesized.config.plan.objectives.wal.recoveryPoint).toBeNull();
  });

  it('take an image', () => {
    const image = RunnerImage.fromRegistry('r/t', { tag: '1', pullPolicy: 'Always', pullSecrets: ['registry'] });
    const synthesized = Synthesized.of(newBackup({ image }));
    expect(synthesized.container('tempo-verify')).toMatchObject({ image: 'r/t:1', imagePullPolicy: 'Always' });
    expect(synthesized.pod('tempo-verify').imagePullSecrets).toEqual([{ name: 'registry' }]);
    expect(usual.container('tempo-verify')).toMatchObject({
      image: 'tempo-backup:0.1.0',
      imagePullPolicy: 'IfNotPresent',
    });
    expect(usual.pod('tempo-verify').imagePullSecrets).toBeUndefined();
  });

  it('take resources', () => {
    const resources = {
      cpuRequest: Cpu.millis(250),
      memoryRequest: Size.mebibytes(300),
      memoryLimit: Size.gibibytes(1),
    };
    expect(Synthesized.of(newBackup({ resources })).container('tempo-prune').resources).toEqual({
      requests: { cpu: '250m', memory: '300Mi' },
      limits: { memory: '1024Mi' },
    });
    expect(usual.container('tempo-prune').resources).toEqual({
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { memory: '384Mi' },
    });
  });

  it('throw when less memory may be taken than is asked for', () => {
    const resources = { memoryLimit: Size.mebibytes(128) };
    expect(() => newBackup({ resources })).toThrow(
      "'memoryLimit' must not be below 'memoryRequest', got 128 MiB with 256 MiB",
    );
  });

  it('take priority class and tolerations', () => {
    const tolerations = [{ key: 'dedicated', operator: 'Equal', value: 'tempo' }];
    const pod = Synthesized.of(newBackup({ priorityClassName: 'low', tolerations })).pod('tempo-backup-wal');
    expect(pod).toMatchObject({ priorityClassName: 'low', tolerations });
    const theirs = usual.pod('tempo-backup-wal');
    expect([theirs.priorityClassName, theirs.tolerations]).toEqual([undefined, undefined]);
  });

  it('suspend every schedule', () => {
    const synthesized = Synthesized.of(newBackup({ suspend: true }));
    expect(synthesized.names('CronJob').every((name) => synthesized.cronJob(name).suspend === true)).toBe(true);
    expect(usual.cronJob('tempo-backup-wal').suspend).toBe(false);
  });

  it('say how long a restore may take', () => {
    const restore = { deadline: Duration.minutes(45), timeLimit: Duration.hours(2) };
    const synthesized = Synthesized.of(newBackup({ restore }));
    expect(synthesized.config.kubernetes?.restore.deadline).toBe('45m');
    expect(synthesized.cronJob('tempo-restore').jobTemplate.spec?.activeDeadlineSeconds).toBe(7200);
    const theirs = usual.cronJob('tempo-restore');
    expect(theirs.jobTemplate.spec?.activeDeadlineSeconds).toBe(86_400);
  });
});

describe('what no prop is for', () => {
  it('is patched as in every chart, as for a service mesh', () => {
    const backup = newBackup();
    const label = '/spec/jobTemplate/spec/template/metadata/labels/sidecar.istio.io~1inject';
    for (const object of Chart.of(backup)
      .node.findAll()
      .filter((each) => ApiObject.isApiObject(each)))
      if (object.kind === 'CronJob') object.addJsonPatch(JsonPatch.add(label, 'false'));
    const synthesized = Synthesized.of(backup);
    for (const name of RUNS) {
      const labels = synthesized.cronJob(name).jobTemplate.spec?.template.metadata?.labels;
      expect(labels).toMatchObject({ 'sidecar.istio.io/inject': 'false', 'app.kubernetes.io/name': 'tempo-backup' });
    }
  });
});

describe('the configuration of a backup', () => {
  it('changes its hash in each pod template when it changes, and only then', () => {
    const hashOf = (props: Parameters<typeof newBackup>[0]) => {
      const { jobTemplate } = Synthesized.of(newBackup(props)).cronJob('tempo-verify');
      return jobTemplate.spec?.template.metadata?.annotations?.['tempo-backup/config-hash'];
    };
    expect(hashOf({})).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf({ suspend: true })).toBe(hashOf({}));
    expect(hashOf({ repository: BackupRepository.volume('backups') })).not.toBe(hashOf({}));
  });

  it('holds rules that were added later, in every pod template', () => {
    const backup = newBackup();
    backup.addRule(rule('mine'));
    const synthesized = Synthesized.of(backup);
    expect(synthesized.config.plan.rules.at(-1)?.name).toBe('mine');
    const hashes = synthesized.names('CronJob').map((name) => {
      return synthesized.cronJob(name).jobTemplate.spec?.template.metadata?.annotations?.['tempo-backup/config-hash'];
    });
    expect(new Set(hashes).size).toBe(1);
  });

  it('has the public keys beside it', () => {
    const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\nabc\n';
    const secretsEncryption = Encryption.openPgp({ recipients: [key] });
    const synthesized = Synthesized.of(newBackup({ plan: BackupPlan.recommended().with({ secretsEncryption }) }));
    expect(synthesized.get('ConfigMap', 'tempo-backup-config').data?.['recipient-1.asc']).toBe(key);
    expect(synthesized.config.encryption.recipients).toEqual(['/etc/tempo-backup/recipient-1.asc']);
  });
});

describe('the minutes of schedules', () => {
  const minutesOf = (backup: TempoBackup) => Synthesized.of(backup).cronJob('tempo-backup-hourly').schedule;

  it('are the same each time, and others in another namespace', () => {
    expect(minutesOf(newBackup())).toBe(minutesOf(newBackup()));
    expect(minutesOf(newBackup({}, newChart('staging')))).not.toBe(minutesOf(newBackup()));
  });

  it('stay as they are typed', () => {
    const backup = newBackup();
    backup.addRule(rule('typed', { schedule: Schedule.cron('0 5 * * 1', { timeZone: 'Europe/Berlin' }) }));
    backup.addRule(rule('moved', { schedule: Schedule.daily({ hour: 5 }) }));
    const synthesized = Synthesized.of(backup);
    expect(synthesized.cronJob('tempo-backup-typed')).toMatchObject({
      schedule: '0 5 * * 1',
      timeZone: 'Europe/Berlin',
    });
    expect(synthesized.cronJob('tempo-backup-moved')).toMatchObject({ schedule: '36 5 * * *', timeZone: 'UTC' });
  });
});

describe('a rule that is added', () => {
  it('gets a CronJob, whose name is told', () => {
    const backup = newBackup();
    expect(backup.addRule(rule('mine')).name).toBe('tempo-backup-mine');
    expect(Synthesized.of(backup).container('tempo-backup-mine').args?.[1]).toBe('--rule=mine');
  });

  it('throws when its name is taken', () => {
    expect(() => newBackup().addRule(rule('hourly'))).toThrow(
      "chart/Backup: a rule must have a name of its own, but 'hourly' is taken; give it another",
    );
  });

  it('throws when the name of its CronJob gets too long for Kubernetes', () => {
    const backup = newBackup();
    expect(backup.addRule(rule('a'.repeat(39))).name).toHaveLength(52);
    expect(() => backup.addRule(rule('a'.repeat(40)))).toThrow(
      /^chart\/Backup\/Rule-a{40}: the name of a CronJob must have at most 52 characters, got 'tempo-backup-a{40}' with 53; shorten the rule's or Tempo's name by 1$/,
    );
  });
});

describe('a backup of a Tempo in a bucket', () => {
  const s3 = { bucket: 'acme-tempo', region: 'eu-west-1' };
  const withoutWal = BackupPlan.recommended().rules.filter(({ name }) => name !== 'wal');
  const tempo = (options: Partial<Parameters<typeof TempoStorage.s3>[0]> = {}) =>
    Tempo.fromHelmRelease('tempo', { chart: 'tempo-distributed', storage: TempoStorage.s3({ ...s3, ...options }) });

  it('runs on any node, without a volume', () => {
    const plan = BackupPlan.recommended().with({ rules: withoutWal });
    const synthesized = Synthesized.of(newBackup({ tempo: tempo(), plan }));
    const pod = synthesized.pod('tempo-backup-hourly');
    expect([pod.affinity, pod.volumes?.map(({ name }) => name)]).toEqual([undefined, ['config', 'tmp']]);
    expect(pod.securityContext?.runAsUser).toBe(1000);
    expect(synthesized.config.tempo.storage).toEqual({ backend: 's3', ...s3 });
    expect(synthesized.config.kubernetes?.persistentVolumeClaims).toEqual([]);
  });

  it('runs beside Tempo when a volume holds the WAL', () => {
    const synthesized = Synthesized.of(newBackup({ tempo: tempo({ wal: { claim: 'data-tempo-ingester-0' } }) }));
    expect(synthesized.pod('tempo-backup-wal').affinity?.podAffinity).toBeDefined();
    expect(synthesized.config.tempo.storage.walPath).toBe('/var/tempo/wal');
  });

  it('fails synth with a WAL rule when no volume holds the WAL', () => {
    expect(() => Synthesized.of(newBackup({ tempo: tempo() }))).toThrow(
      "'plan.rules.wal.scope' is 'wal' in rule 'wal', but no volume holds the WAL",
    );
  });

  it('throws when there is no volume to make volume snapshots of', () => {
    expect(() => newBackup({ tempo: tempo() }).addVolumeSnapshots()).toThrow(
      'chart/Backup: there is no volume to make volume snapshots of; this Tempo keeps nothing on one',
    );
  });

  it('has the access keys of either bucket, and throws when each has its own', () => {
    const credentials = S3Credentials.fromSecret('keys');
    const env = (props: Parameters<typeof newBackup>[0]) => {
      const plan = BackupPlan.recommended().with({ rules: withoutWal });
      return Synthesized.of(newBackup({ plan, ...props })).container('tempo-verify').env?.[0]?.valueFrom?.secretKeyRef
        ?.name;
    };
    expect(env({ tempo: tempo({ credentials }) })).toBe('keys');
    const backups = { ...s3, bucket: 'acme-backups' };
    expect(env({ tempo: tempo({ credentials }), repository: BackupRepository.s3({ ...backups, credentials }) })).toBe(
      'keys',
    );
    const other = BackupRepository.s3({ ...backups, credentials: S3Credentials.fromSecret('other') });
    expect(() => env({ tempo: tempo({ credentials }), repository: other })).toThrow(
      "chart/Backup: the runner has one set of access keys, but 'repository' and 'tempo.storage' have one each",
    );
  });
});

describe('the volume of a backup', () => {
  it('is shared on the node of Tempo', () => {
    const pod = usual.pod('tempo-backup-hourly');
    expect(pod.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
      {
        labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': 'tempo' } },
        topologyKey: 'kubernetes.io/hostname',
      },
    ]);
  });

  it('is cloned for any node', () => {
    const access = VolumeAccess.clone({ size: Size.gibibytes(10), storageClassName: 'fast' });
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', access });
    const synthesized = Synthesized.of(newBackup({ tempo }));
    const pod = synthesized.pod('tempo-backup-hourly');
    expect(pod.affinity).toBeUndefined();
    expect(pod.volumes?.find(({ name }) => name === 'tempo')?.ephemeral?.volumeClaimTemplate?.spec).toEqual({
      accessModes: ['ReadWriteOnce'],
      dataSource: { kind: 'PersistentVolumeClaim', name: 'tempo' },
      resources: { requests: { storage: '10240Mi' } },
      storageClassName: 'fast',
    });
    expect(synthesized.config.tempo.url).toBeUndefined();
    // A pod that ended keeps its clone.
    const kept = { successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 1 };
    expect(synthesized.cronJob('tempo-backup-hourly')).toMatchObject(kept);
    expect(synthesized.cronJob('tempo-verify')).toMatchObject({
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
    });
  });
});
