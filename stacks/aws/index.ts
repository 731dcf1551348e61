import * as s3 from '@pulumi/aws/s3';
import { assertValidPlan } from '../../lib/contract/index';
import { settings } from '../settings';

// A plan with contradictions throws before anything is changed.
assertValidPlan(settings.plan, settings.context);

const bucket = new s3.Bucket(
  'tempo-backups',
  { bucket: settings.bucket, region: settings.region },
  { protect: true, retainOnDelete: true },
);

new s3.BucketVersioning('tempo-backups', {
  bucket: bucket.bucket,
  region: settings.region,
  versioningConfiguration: { status: 'Enabled' },
});

new s3.BucketPublicAccessBlock('tempo-backups', {
  bucket: bucket.bucket,
  region: settings.region,
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
});

/** Where the runner keeps its recovery points: `repository.url` of its configuration. */
export const repositoryUrl = bucket.bucket.apply((name) => `s3://${name}?region=${settings.region}`);
