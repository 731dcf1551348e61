import type { ClusterApi } from '../../runtime/cluster/cluster-api';
import { Killed } from './killing-storage';

type Method = Exclude<keyof ClusterApi, 'close'>;
const METHODS: readonly Method[] = ['get', 'list', 'create', 'replace', 'patch', 'delete', 'followLog'];
const WRITES: readonly Method[] = ['create', 'replace', 'patch', 'delete'];

export interface KillingCluster {
  readonly api: ClusterApi;
  /** Whether each call, in order, was one that writes. */
  readonly writes: readonly boolean[];
}

/**
 * Kills at the `n`-th call (from 0): before it has its effect, or after it had it and before the caller knows. Every later call throws too.
 * Without `n` nothing is killed, and a test learns what calls there are.
 */
export function killClusterAt(inner: ClusterApi, n?: number, when: 'before' | 'after' = 'before'): KillingCluster {
  const writes: boolean[] = [];
  let death: Killed | undefined;
  const around =
    (method: Method) =>
    async (...args: unknown[]): Promise<unknown> => {
      if (death) throw death;
      const index = writes.push(WRITES.includes(method)) - 1;
      if (index === n) death = new Killed(`${when} call ${index}: ${method} ${JSON.stringify(args[0]).slice(0, 100)}`);
      if (death && when === 'before') throw death;
      const call = inner[method].bind(inner) as (...given: unknown[]) => Promise<unknown>;
      const result = await call(...args);
      if (death) throw death;
      return result;
    };
  const methods = Object.fromEntries(METHODS.map((method) => [method, around(method)]));
  return { api: { ...methods, close: () => inner.close() } as unknown as ClusterApi, writes };
}
