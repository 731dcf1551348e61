import type { Manifest } from '../../lib/contract/manifest';
import type { ListedPoint, PointFacts, PointResult, ShownPoint } from '../../lib/contract/results';

/** What `backup` and `show` say about a point. */
export function pointResult(manifest: Manifest): PointResult {
  const pages = manifest.wal.flatMap((block) => block.pages);
  return {
    ...factsOf(manifest),
    tenants: manifest.tenants.map(({ tenant, blocks, bytes, objects, oldest, newest }) => ({
      tenant,
      blocks,
      bytes,
      objects,
      oldest,
      newest,
    })),
    wal: { blocks: manifest.wal.length, pages: pages.length, bytes: sumOf(pages.map(({ size }) => size)) },
  };
}

/** How far a point is proven, and what speaks against it. */
export type Proof = Pick<ListedPoint, 'verified' | 'verificationFailed'>;

export function listedPoint(manifest: Manifest, proof: Proof): ListedPoint {
  return {
    ...factsOf(manifest),
    ...proof,
    blocks: sumOf(manifest.tenants.map(({ blocks }) => blocks)),
    bytes: bytesOf(manifest),
  };
}

export function shownPoint(manifest: Manifest, proof: Proof): ShownPoint {
  return {
    ...pointResult(manifest),
    source: sourceOf(manifest),
    runner: manifest.runner,
    ...proof,
    damaged: manifest.damaged,
    components: manifest.components ?? null,
    flush: manifest.flush ?? null,
    config: manifest.config.map(({ name, kind, size, encryption }) => ({
      ...{ name, kind, bytes: size, encrypted: encryption !== undefined },
    })),
  };
}

function sourceOf({ source }: Manifest): ShownPoint['source'] {
  const { name, tracesPath, walPath, tempoVersion } = source;
  return { name, tracesPath, walPath, tempoVersion, storage: source.storage ?? 'local' };
}

/** What a restore of all of it would write. */
export function bytesOf({ tenants, wal, config }: Manifest): number {
  const files = [...wal.flatMap(({ pages }) => pages), ...config];
  return sumOf(tenants.map(({ bytes }) => bytes)) + sumOf(files.map(({ size }) => size));
}

function factsOf(manifest: Manifest): PointFacts {
  const { id, createdAt, cutAt, scope, rule, deleteAfter, pin, pinFor, suspect } = manifest;
  return {
    id,
    createdAt,
    cutAt,
    scope,
    rule,
    deleteAfter,
    pinned: pin !== null,
    pinReason: pin,
    pinnedFor: pinFor ?? null,
    suspect: suspect.length > 0,
    suspectReasons: suspect,
  };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
