import { Duration } from 'cdk8s';
import { type k8s } from 'cdk8s-plus-28';
import { BackupPlan, BackupRule, ChangeGate, Schedule, type ChangeGateOptions } from '../../../lib/kubernetes/index';
import { forSnapshot, newBackup, Synthesized } from '../../helpers/synthesized';

const NAME = 'tempo-backup-before-change';

function gate(options: Partial<ChangeGateOptions> = {}, plan = BackupPlan.recommended()): Synthesized {
  const backup = newBackup({ plan });
  backup.addChangeGate({ mechanism: ChangeGate.ARGO_CD_PRE_SYNC, ...options });
  return Synthesized.of(backup);
}

describe('a change gate', () => {
  it('is one Job, and nothing long-lived is behind a hook', () => {
    const synthesized = gate();
    expect(forSnapshot([synthesized.get('Job', NAME)])).toMatchSnapshot();
    const hooked = synthesized.objects.filter(({ metadata }) =>
      Object.keys(metadata.annotations ?? {}).some((key) => key.includes('hook')),
    );
    expect(hooked.map(({ kind }) => kind)).toEqual(['Job']);
  });

  it.each([
    [
      'Argo CD',
      ChangeGate.ARGO_CD_PRE_SYNC,
      { 'argocd.argoproj.io/hook': 'PreSync', 'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation' },
    ],
    [
      'Helm',
      ChangeGate.HELM_PRE_UPGRADE,
      { 'helm.sh/hook': 'pre-upgrade', 'helm.sh/hook-delete-policy': 'before-hook-creation' },
    ],
    ['a pipeline', ChangeGate.PLAIN_JOB, { 'kustomize.toolkit.fluxcd.io/force': 'enabled' }],
  ])('holds up a change by %s', (_, mechanism, annotations) => {
    expect(gate({ mechanism }).get('Job', NAME).metadata.annotations).toEqual(annotations);
  });

  it('makes a pinned point for the rule that runs before changes', () => {
    const args = (synthesized: Synthesized) => synthesized.container(NAME).args?.slice(0, 3);
    expect(args(gate())).toEqual(['backup', '--rule=config', '--pin=before a change']);
    expect(args(gate({ rule: 'full', revision: '1.4.0' }))).toEqual([
      'backup',
      '--rule=full',
      '--pin=before the change to 1.4.0',
    ]);
  });

  it('pins it for 90 days unless told otherwise, so that no gate fills the repository for ever', () => {
    const args = (synthesized: Synthesized) => synthesized.container(NAME).args?.[3];
    expect([args(gate()), args(gate({ pinFor: Duration.days(7) }))]).toEqual(['--pin-for=90d', '--pin-for=7d']);
    expect(() => gate({ pinFor: Duration.seconds(0) })).toThrow("'pinFor' must be at least a second, got 0 seconds");
  });

  it('makes a point of scope config when no rule runs before changes', () => {
    const rules = [
      new BackupRule({ name: 'wal', schedule: Schedule.cron('*/5 * * * *'), deleteAfter: Duration.days(8) }),
    ];
    const synthesized = gate(
      {},
      BackupPlan.recommended().with({ rules, objectives: { config: { recoveryPoint: null } } }),
    );
    expect(synthesized.container(NAME).args?.slice(0, 2)).toEqual(['backup', '--scope=config']);
  });

  it('waits a quarter of an hour unless told otherwise', () => {
    const deadline = (synthesized: Synthesized) =>
      (synthesized.get('Job', NAME).spec as unknown as k8s.JobSpec).activeDeadlineSeconds;
    expect([deadline(gate()), deadline(gate({ deadline: Duration.hours(1) }))]).toEqual([900, 3600]);
  });

  it('is made by the identity of backups, on the node of Tempo', () => {
    const pod = gate().pod(NAME);
    expect(pod.serviceAccountName).toBe('tempo-backup');
    expect(pod.affinity?.podAffinity).toBeDefined();
  });

  it('throws when its rule does not exist', () => {
    expect(() => gate({ rule: 'hurly' })).toThrow(
      "chart/Backup: 'rule' must be a rule of the plan, got 'hurly'; it has 'wal', 'hourly', 'full', 'config', 'weekly', 'monthly'",
    );
  });

  it('takes a revision by the letter: Kubernetes must not read names of variables in it', () => {
    const [, , pin] = gate({ revision: '$(AWS_SECRET_ACCESS_KEY)' }).container(NAME).args ?? [];
    expect(pin).toBe('--pin=before the change to $$(AWS_SECRET_ACCESS_KEY)');
  });

  it('throws when there is one already', () => {
    const backup = newBackup();
    backup.addChangeGate({ mechanism: ChangeGate.PLAIN_JOB });
    expect(() => backup.addChangeGate({ mechanism: ChangeGate.ARGO_CD_PRE_SYNC })).toThrow(
      'chart/Backup: there is a change gate already; all changes can wait for the same Job',
    );
  });

  it('tells the name of its Job', () => {
    expect(newBackup().addChangeGate({ mechanism: ChangeGate.PLAIN_JOB }).jobName).toBe(NAME);
  });
});
