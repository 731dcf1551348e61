import * as pulumi from '@pulumi/pulumi';
import type { OidcProvider } from '../../lib/aws/index';

/** What only the AWS half needs, from the stack's configuration; `Pulumi.yaml` says what each key means. */
export interface StackSettings {
  readonly replicaRegion: string | undefined;
  readonly kms: boolean;
  readonly lockDays: number;
  readonly tempoBucket: string | undefined;
  readonly tempoPrefix: string | undefined;
  readonly eksCluster: string | undefined;
  readonly oidcProvider: OidcProvider | undefined;
  readonly alarmTopicArn: string | undefined;
  readonly protect: boolean;
}

export function stackSettings(config = new pulumi.Config()): StackSettings {
  const named = (key: string): string | undefined => {
    const value = config.get(key) ?? 'none';
    return value === 'none' ? undefined : value;
  };
  const arn = named('oidcProviderArn');
  return {
    replicaRegion: named('replicaRegion'),
    kms: config.getBoolean('kms') ?? false,
    lockDays: config.getNumber('lockDays') ?? 0,
    tempoBucket: named('tempoBucket'),
    tempoPrefix: named('tempoPrefix'),
    eksCluster: named('eksCluster'),
    oidcProvider: arn === undefined ? undefined : { arn, url: config.require('oidcProviderUrl') },
    alarmTopicArn: named('alarmTopicArn'),
    protect: config.getBoolean('protect') ?? true,
  };
}
