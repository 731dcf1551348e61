import { CONFIG_FOLDER } from '../private/folders';
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
    return new CaBundle({ configMap: { name, items: [{ key, path: 'ca.crt' }] } });
  }

  /** From a Secret, such as one that cert-manager makes. */
  static fromSecret(name: string, { key = 'ca.crt' }: CaBundleOptions = {}): CaBundle {
    return new CaBundle({ secret: { secretName: name, items: [{ key, path: 'ca.crt' }] } });
  }

  private constructor(private readonly source: Omit<Mount['volume'], 'name'>) {}

  /**
   * Where the runner finds the file, of the volume of this name.
   *
   * @internal
   */
  _path(volume: string): string {
    return `${CONFIG_FOLDER}-${volume}/ca.crt`;
  }

  /**
   * What a pod needs of it, as the volume of this name: Tempo's bucket and the repository may each have one.
   *
   * @internal
   */
  _mount(volume: string): Mount {
    return { volume: { name: volume, ...this.source }, path: `${CONFIG_FOLDER}-${volume}`, readOnly: true };
  }
}
