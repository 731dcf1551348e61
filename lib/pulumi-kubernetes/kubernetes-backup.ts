import * as pulumi from '@pulumi/pulumi';
import { ConfigGroup } from '@pulumi/kubernetes/yaml';
import { type Chart } from 'cdk8s';

/** What is deployed. */
export interface KubernetesBackupArgs {
  /** A chart that holds a `TempoBackup`, or more. All of its objects are deployed. */
  readonly chart: Chart;
}

/**
 * The objects of a chart, deployed by `pulumi up` for those without GitOps.
 *
 * They are the very objects that `cdk8s synth` writes: one resource for each, named `<name>-<namespace>/<object>`. A plan that
 * contradicts itself throws here, before anything is changed. Aliases, providers and dependencies are given as options, and hold for all.
 *
 * Give the provider `enableConfigMapMutable: true`: else a changed configuration means a new ConfigMap, which is absent for a moment.
 *
 * @example new KubernetesBackup('tempo', { chart })
 * @see https://www.pulumi.com/registry/packages/kubernetes/api-docs/yaml/configgroup/
 */
export class KubernetesBackup extends pulumi.ComponentResource {
  /** The objects as resources, by type and name. */
  readonly resources: pulumi.Output<Record<string, pulumi.CustomResource>>;

  constructor(name: string, args: KubernetesBackupArgs, options: pulumi.ComponentResourceOptions = {}) {
    // Synthesized first: what is wrong with the chart must leave nothing registered.
    const objs: unknown = args.chart.toJson();
    super('tempo-backup:kubernetes:KubernetesBackup', name, {}, options);
    const group = new ConfigGroup(name, { objs, resourcePrefix: name }, { parent: this });
    this.resources = group.resources;
    this.registerOutputs({ resources: this.resources });
  }
}
