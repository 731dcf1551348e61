import { type k8s } from 'cdk8s-plus-28';

/** A volume of a pod and where its container sees it. */
export interface Mount {
  /** The volume, with a name that is unique in the pod. */
  readonly volume: k8s.Volume;
  /** Absolute path in the container. */
  readonly path: string;
  /** Whether the container only reads it. */
  readonly readOnly: boolean;
}
