import type { Manifest } from '../../../lib/contract/manifest';

/** What a point holds, and how many bytes a restore of all of it would write. */
export function pointTotals({
  tenants,
  wal,
  config,
}: Pick<Manifest, 'tenants' | 'wal' | 'config'>): Required<Pick<Manifest, 'bytes' | 'components'>> {
  const files = [...wal.flatMap(({ pages }) => pages), ...config];
  const sizes = [...tenants.map((summary) => summary.bytes), ...files.map(({ size }) => size)];
  const holds = {
    blocks: tenants.length > 0,
    wal: wal.length > 0,
    configuration: config.some(({ encryption }) => encryption === undefined),
    secrets: config.some(({ encryption }) => encryption !== undefined),
  };
  return {
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    components: (['blocks', 'wal', 'configuration', 'secrets'] as const).filter((component) => holds[component]),
  };
}
