import { z } from 'zod';
import { durationText } from '../values/duration-text';

const DESCRIPTIONS = {
  recoveryPoint: 'How much of the newest data may be lost, as a time; null: not promised.',
  recoveryTime: 'How long recovery may take; null: not promised.',
};

export const objectivesSchema = z.strictObject({
  config: objective(
    '0s',
    '5m',
    'Configuration. A recovery point objective of 0s needs a rule that runs before every change.',
  ),
  localData: objective('1h', '1h', 'Blocks on a volume.'),
  s3Data: objective(
    '0s',
    '10m',
    "Blocks in Tempo's own bucket: its object versions meet a recovery point objective of 0s.",
  ),
  wal: objective('10m', '30m', 'Write-ahead log.'),
  volumeSnapshot: objective('24h', '2h', 'A whole volume from a volume snapshot.'),
  all: objective(null, '2h', 'Everything, after a total loss.'),
});

/** What recovery is promised, for each kind of data. Alert thresholds are derived from it. */
export type Objectives = z.output<typeof objectivesSchema>;

/** How much may be lost and how long recovery may take. */
export type Objective = Objectives[keyof Objectives];

function objective(recoveryPoint: string | null, recoveryTime: string | null, description: string) {
  return z
    .strictObject({
      recoveryPoint: durationText.nullable().default(recoveryPoint).describe(DESCRIPTIONS.recoveryPoint),
      recoveryTime: durationText.nullable().default(recoveryTime).describe(DESCRIPTIONS.recoveryTime),
    })
    .prefault({})
    .describe(description);
}
