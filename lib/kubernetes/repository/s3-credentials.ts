import { type k8s } from 'cdk8s-plus-28';
import { type KubernetesIdentity } from '../../contract/index';

/** Which keys of a Secret hold what. */
export interface SecretKeys {
  /**
   * Key that holds the access key's ID.
   *
   * @default 'access-key-id'
   */
  readonly accessKeyIdKey?: string;

  /**
   * Key that holds the secret access key.
   *
   * @default 'secret-access-key'
   */
  readonly secretAccessKeyKey?: string;
}

/**
 * Access keys for a storage endpoint that knows no identity of a pod.
 *
 * @example S3Credentials.fromSecret('tempo-backup-s3')
 */
export class S3Credentials {
  /** One access key for all: whoever takes over a backup's pod may delete, too. Better one for each identity. */
  static fromSecret(name: string, keys: SecretKeys = {}): S3Credentials {
    return new S3Credentials(() => name, keys);
  }

  /** An access key for each identity, so that only `prune` can delete. All Secrets have the same keys. */
  static fromSecrets(names: Readonly<Record<KubernetesIdentity, string>>, keys: SecretKeys = {}): S3Credentials {
    return new S3Credentials((identity) => names[identity], keys);
  }

  private constructor(
    private readonly secretOf: (identity: KubernetesIdentity) => string,
    private readonly keys: SecretKeys,
  ) {}

  /**
   * Environment of the pods of an identity.
   *
   * @internal
   */
  _environment(identity: KubernetesIdentity): k8s.EnvVar[] {
    const { accessKeyIdKey = 'access-key-id', secretAccessKeyKey = 'secret-access-key' } = this.keys;
    const name = this.secretOf(identity);
    const from = (key: string) => ({ valueFrom: { secretKeyRef: { name, key } } });
    return [
      { name: 'AWS_ACCESS_KEY_ID', ...from(accessKeyIdKey) },
      { name: 'AWS_SECRET_ACCESS_KEY', ...from(secretAccessKeyKey) },
    ];
  }
}
