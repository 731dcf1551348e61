import { Duration } from 'cdk8s';
import { ExitCode } from '../../../../lib/contract/index';
import { BackupRule, Schedule } from '../../../../lib/kubernetes/index';
import { newBackup, Synthesized } from '../../../helpers/synthesized';

const synthesized = Synthesized.of(newBackup());

describe.each(synthesized.names('CronJob'))('the CronJob %s', (name) => {
  const spec = synthesized.cronJob(name);
  const job = spec.jobTemplate.spec;

  it('never runs twice at a time, and keeps three Jobs of each outcome', () => {
    expect(spec).toMatchObject({
      concurrencyPolicy: 'Forbid',
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      timeZone: 'UTC',
    });
    expect(job?.ttlSecondsAfterFinished).toBeUndefined();
  });

  it('makes up for a missed start for an hour at least', () => {
    expect(spec.startingDeadlineSeconds).toBeGreaterThanOrEqual(3600);
  });

  it('tries three times, not counting evictions and not when it would not help', () => {
    expect(job?.backoffLimit).toBe(2);
    expect(job?.podFailurePolicy?.rules).toEqual([
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      {
        action: 'FailJob',
        onExitCodes: { containerName: 'runner', operator: 'In', values: [2, 10, 12, 13, 14, 15, 16] },
      },
    ]);
    expect(spec.jobTemplate.spec?.template.spec?.containers.map((container) => container.name)).toEqual(['runner']);
  });
});

describe('the exit codes that are tried again', () => {
  it('are those that a later try can mend', () => {
    const policy = synthesized.cronJob('tempo-verify').jobTemplate.spec?.podFailurePolicy;
    const final = policy?.rules[1]?.onExitCodes?.values ?? [];
    const tried = Object.values(ExitCode).filter((code) => !final.includes(code) && code !== ExitCode.DONE);
    expect(tried).toEqual([ExitCode.FAILED, ExitCode.LOCKED, ExitCode.INTERRUPTED]);
  });
});

describe('the run time of a rule', () => {
  it('ends before the next run, at what the rule allows, and when prune no longer waits for it', () => {
    const backup = newBackup();
    const deleteAfter = Duration.days(30);
    const schedule = Schedule.cron('0 5 * * *');
    backup.addRule(new BackupRule({ name: 'short', schedule, deleteAfter, allowedRunTime: Duration.hours(2) }));
    const all = Synthesized.of(backup);
    const deadline = (name: string) => all.cronJob(name).jobTemplate.spec?.activeDeadlineSeconds;
    expect(
      ['wal', 'hourly', 'full', 'config', 'weekly', 'monthly', 'short'].map((name) => deadline(`tempo-backup-${name}`)),
    ).toEqual([...[540, 3240, 19_440, 77_760, 86_400, 86_400, 7200]]);
    expect([deadline('tempo-verify'), deadline('tempo-prune')]).toEqual([544_320, 77_760]);
  });
});
