import { type k8s } from 'cdk8s-plus-28';
import { BackupRepository, S3Credentials, Tempo, TempoStorage } from '../../../../lib/kubernetes/index';
import { newBackup, Synthesized } from '../../../helpers/synthesized';

const specOf = (from: Synthesized, name: string) =>
  from.get('NetworkPolicy', name).spec as unknown as k8s.NetworkPolicySpec;
const portsOf = (from: Synthesized, name: string) =>
  specOf(from, name).egress?.flatMap(({ ports }) =>
    (ports ?? []).map(({ port, protocol }) => `${protocol ?? ''} ${JSON.stringify(port)}`),
  );

describe('the network policies', () => {
  const synthesized = Synthesized.of(newBackup());

  it('let nobody in', () => {
    const policies = synthesized.names('NetworkPolicy').map((name) => specOf(synthesized, name));
    expect(policies).toHaveLength(3);
    for (const { ingress, policyTypes } of policies) {
      expect([ingress, policyTypes]).toEqual([undefined, ['Ingress', 'Egress']]);
    }
  });

  it('let every pod of the runner reach DNS, the bucket, and where its credentials come from', () => {
    expect(portsOf(synthesized, 'tempo-backup')).toEqual(['UDP 53', 'TCP 53', 'TCP 443', 'TCP 80']);
    const { egress, podSelector } = specOf(synthesized, 'tempo-backup');
    expect(egress?.at(-1)?.to).toEqual([
      { ipBlock: { cidr: '169.254.170.23/32' } },
      { ipBlock: { cidr: 'fd00:ec2::23/128' } },
    ]);
    expect(podSelector).toEqual({
      matchLabels: { 'app.kubernetes.io/name': 'tempo-backup', 'app.kubernetes.io/instance': 'tempo' },
    });
  });

  it('let only those reach the API server who use it', () => {
    expect(portsOf(synthesized, 'tempo-backup-kubernetes-api')).toEqual(['TCP 443', 'TCP 6443']);
    expect(specOf(synthesized, 'tempo-backup-kubernetes-api').podSelector.matchExpressions).toEqual([
      { key: 'app.kubernetes.io/component', operator: 'In', values: ['backup', 'restore', 'snapshot'] },
    ]);
  });

  it('know other ports of the API server when told', () => {
    const told = Synthesized.of(newBackup({ apiServerPorts: [443, 8443] }));
    expect(portsOf(told, 'tempo-backup-kubernetes-api')).toEqual(['TCP 443', 'TCP 8443']);
  });

  it('let backups and restores reach Tempo', () => {
    expect(portsOf(synthesized, 'tempo-backup-tempo')).toEqual(['TCP 3200']);
    const { egress, podSelector } = specOf(synthesized, 'tempo-backup-tempo');
    expect(egress?.[0]?.to).toEqual([
      { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': 'tempo' } } },
    ]);
    expect(podSelector.matchExpressions?.[0]?.values).toEqual(['backup', 'restore']);
  });

  it('select the pods that are there, by labels that these have', () => {
    const pods = synthesized
      .names('CronJob')
      .map((name) => synthesized.cronJob(name).jobTemplate.spec?.template.metadata?.labels);
    for (const { podSelector } of synthesized.names('NetworkPolicy').map((name) => specOf(synthesized, name))) {
      const chosen = pods.filter((labels) =>
        Object.entries(podSelector.matchLabels ?? {}).every(([key, value]) => labels?.[key] === value),
      );
      expect(chosen).toHaveLength(pods.length);
      for (const { key } of podSelector.matchExpressions ?? [])
        expect(chosen.every((labels) => labels?.[key] !== undefined)).toBe(true);
    }
  });

  it('need no port for a repository on a volume', () => {
    const repository = BackupRepository.volume('backups');
    expect(portsOf(Synthesized.of(newBackup({ repository })), 'tempo-backup')).toEqual(['UDP 53', 'TCP 53']);
  });

  it('know the port of an endpoint, and need no other for access keys', () => {
    const credentials = S3Credentials.fromSecret('keys');
    const repository = BackupRepository.s3Compatible({ endpoint: 'https://minio:9000', bucket: 'acme', credentials });
    expect(portsOf(Synthesized.of(newBackup({ repository })), 'tempo-backup')).toEqual([
      'UDP 53',
      'TCP 53',
      'TCP 9000',
    ]);
  });

  it("know the port of Tempo's bucket, too", () => {
    const storage = TempoStorage.s3({ bucket: 'tempo', endpoint: 'https://minio:9000', wal: { claim: 'wal' } });
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', storage });
    const ports = (repository: BackupRepository) =>
      portsOf(Synthesized.of(newBackup({ tempo, repository })), 'tempo-backup')?.slice(2);
    expect(ports(BackupRepository.s3({ bucket: 'acme', region: 'eu-west-1' }))).toEqual([
      'TCP 443',
      'TCP 9000',
      'TCP 80',
    ]);
    expect(ports(BackupRepository.volume('backups'))).toEqual(['TCP 9000', 'TCP 80']);
  });

  it('leave Tempo out when its address is not known', () => {
    const { podLabels, storage } = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts' });
    const tempo = Tempo.fromAttributes({ podLabels, storage, workload: { kind: 'Deployment', name: 'tempo' } });
    const names = Synthesized.of(newBackup({ tempo })).names('NetworkPolicy');
    expect(names).toEqual(['tempo-backup', 'tempo-backup-kubernetes-api']);
  });
});
