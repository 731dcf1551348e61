import * as pulumi from '@pulumi/pulumi';
import type { S3Compatible, S3Feature } from '../s3-compatible';
import { refuse } from './validated-input';

/** Throws for a property that asks for a feature that the server is said to lack. */
export function refuseWhatIsLacking(
  endpoint: S3Compatible | undefined,
  asked: Readonly<Record<string, readonly [S3Feature, boolean]>>,
): void {
  for (const [path, [feature, wanted]] of Object.entries(asked)) {
    if (wanted && endpoint?.without.includes(feature))
      refuse(path, `must be left out: 'endpoint' says that the server lacks '${feature}'`);
  }
}

/** What the server lacks of what would be configured; each update says so. */
export function switchedOff(component: pulumi.Resource, endpoint: S3Compatible | undefined): readonly string[] {
  const lacking = endpoint?.without ?? [];
  if (lacking.length > 0)
    void pulumi.log.info(
      `not configured, as 'endpoint' says that the server lacks it: ${lacking.join(', ')}`,
      component,
    );
  return lacking;
}
