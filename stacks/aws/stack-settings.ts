import * as pulumi from '@pulumi/pulumi';
import type { OidcProvider } from '../../lib/aws/index';

/** What only the AWS half needs, from the stack's configuration; `Pulumi.yaml` says what each key means. */
export interface StackSettings {
  readonly replicaRegion: string | undefined;
  readonly kms: boolean;
  readonly lockDays: number;
  readonly tempoBucket: string | undefined;
  readonly tempoPrefix: string | undefined;
  readonly tempoKeyArn: string | undefined;
  readonly eksCluster: string | undefined;
  readonly oidcProvider: OidcProvider | undefined;
  readonly alarmTopicArn: string | undefined;
  readonly protect: boolean;
}

export function stackSettings(config = new pulumi.Config()): StackSettings {
  const named = (key: string, otherwise = 'none'): string | undefined => {
    const value = config.get(key) ?? otherwise;
    return value === 'none' ? undefined : value;
  };
  return {
    // The default that `Pulumi.yaml` has, for an engine that doesn't fill it in.
    replicaRegion: named('replicaRegion', 'eu-central-1'),
    kms: config.getBoolean('kms') ?? false,
    lockDays: config.getNumber('lockDays') ?? 0,
    tempoBucket: named('tempoBucket'),
    tempoPrefix: named('tempoPrefix'),
    tempoKeyArn: named('tempoKeyArn'),
    eksCluster: named('eksCluster'),
    oidcProvider: oidcProviderOf(named('oidcProviderArn'), named('oidcProviderUrl')),
    alarmTopicArn: named('alarmTopicArn'),
    protect: config.getBoolean('protect') ?? true,
  };
}

function oidcProviderOf(arn: string | undefined, url: string | undefined): OidcProvider | undefined {
  if (arn === undefined && url === undefined) return undefined;
  if (arn === undefined)
    throw new pulumi.RunError(
      "'oidcProviderArn' must be set beside 'oidcProviderUrl', got none; set it or leave out both",
    );
  if (url === undefined)
    throw new pulumi.RunError(
      `'oidcProviderUrl' must be set beside 'oidcProviderArn' (${arn}), got none; set it or leave out both`,
    );
  return { arn, url };
}
