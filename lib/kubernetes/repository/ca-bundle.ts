import { CA_FOLDER } from '../private/folders';
import { type Mount } from '../private/mount';

/** Where in a ConfigMap or Secret a bundle lies. */
export interface CaBundleOptions {
  /**
   * Key that holds the certificates, in PEM.
   *
   * @default 'ca.crt'
   */
  readonly key?: string;
}

/**
 * Certificate authorities of a storage endpoint, trusted besides the usual ones.
 *
 * @example CaBundle.fromConfigMap('kube-root-ca.crt')
 */
export class CaBundle {
  /** From a ConfigMap. */
  static fromConfigMap(name: string, { key = 'ca.crt' }: CaBundleOptions = {}): CaBundle {
    return new CaBundle({ name: 'ca', configMap: { name, items: [{ key, path: 'ca.crt' }] } });
  }

  /** From a Secret, such as one that cert-manager makes. */
  static fromSecret(name: string, { key = 'ca.crt' }: CaBundleOptions = {}): CaBundle {
    return new CaBundle({ name: 'ca', secret: { secretName: name, items: [{ key, path: 'ca.crt' }] } });
  }

  /**
   * Where the runner finds the file.
   *
   * @internal
   */
  readonly _path = `${CA_FOLDER}/ca.crt`;

  private constructor(private readonly volume: Mount['volume']) {}

  /**
   * What every pod needs of it.
   *
   * @internal
   */
  get _mount(): Mount {
    return { volume: this.volume, path: CA_FOLDER, readOnly: true };
  }
}
