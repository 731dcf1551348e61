import { ApiObject, Chart, type ChartProps, Yaml } from 'cdk8s';
import { type Construct } from 'constructs';
import { assertValidPlan, parseRunnerConfig } from '../../lib/contract/index';
import { type Settings } from '../settings';

export interface RunnerConfigChartProps extends ChartProps {
  /** What the configuration is made from. */
  readonly settings: Settings;
}

/** The runner's configuration as a ConfigMap. A plan with contradictions throws here, at synth. */
export class RunnerConfigChart extends Chart {
  constructor(scope: Construct, id: string, props: RunnerConfigChartProps) {
    super(scope, id, { namespace: props.settings.namespace, ...props });
    new ApiObject(this, 'RunnerConfig', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'tempo-backup', labels: { 'app.kubernetes.io/name': 'tempo-backup' } },
      data: { 'config.yaml': configurationOf(props.settings) },
    });
  }
}

function configurationOf({ bucket, region, plan, context }: Settings): string {
  const config = parseRunnerConfig({
    tempo: { storage: { path: '/var/tempo/traces', walPath: '/var/tempo/wal' } },
    repository: { url: `s3://${bucket}?region=${region}` },
    plan: assertValidPlan(plan, context),
  });
  return Yaml.stringify(config);
}
