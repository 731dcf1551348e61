import { z } from 'zod';
import { durationText } from './values/duration-text';

const objectName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
    "must be the name of a Kubernetes object: lower-case letters, digits, dots and dashes, such as 'tempo-config'",
  );

export const kubernetesSchema = z.strictObject({
  namespace: objectName.describe('Namespace of Tempo and of the runner.'),
  workload: z
    .strictObject({
      kind: z.enum(['StatefulSet', 'Deployment']).describe('What runs Tempo.'),
      name: objectName.describe('Its name.'),
    })
    .describe('What runs Tempo: part of the configuration, scaled to zero by a restore.'),
  configMaps: z
    .array(objectName)
    .default([])
    .describe(
      "ConfigMaps of Tempo: its configuration, overrides, runtime configuration. Tempo's retention is read from them.",
    ),
  secrets: z
    .array(objectName)
    .default([])
    .describe('Secrets of Tempo. They need `encryption.recipients` or `encryption.passphraseFile`.'),
  services: z.array(objectName).default([]).describe('Services of Tempo.'),
  persistentVolumeClaims: z
    .array(objectName)
    .default([])
    .describe('Claims that hold its blocks and WAL: part of the configuration, and what volume snapshots are made of.'),
  volumeSnapshotClass: objectName
    .optional()
    .describe("VolumeSnapshotClass of volume snapshots. Absent: the driver's default class."),
  restore: z
    .strictObject({
      cronJob: objectName.default('tempo-restore').describe('Suspended CronJob that coordinates a restore.'),
      moverCronJob: objectName
        .default('tempo-restore-mover')
        .describe('Suspended CronJob that has the volume mounted and moves the data.'),
      deadline: durationText
        .default('30m')
        .describe("How long each wait may take: until Tempo's pods are gone, and until it is ready again."),
    })
    .prefault({})
    .describe('The objects that a restore in the cluster works with.'),
});

/** The Kubernetes objects of a Tempo. */
export type KubernetesConfig = z.output<typeof kubernetesSchema>;
