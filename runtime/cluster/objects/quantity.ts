const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Bytes of a quantity of Kubernetes, such as `10Gi`, `1.5G` or `1e9`; undefined for what is none. */
export function parseQuantity(text: string): number | undefined {
  const [, number, suffix = ''] = /^\+?([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = FACTORS[suffix];
  return number === undefined || factor === undefined ? undefined : Math.ceil(Number(number) * factor);
}

/** As people write it where it is whole: `10Gi`; else in bytes. */
export function formatQuantity(bytes: number): string {
  const suffix = ['Ti', 'Gi', 'Mi', 'Ki'].find((each) => bytes > 0 && bytes % (FACTORS[each] ?? 1) === 0) ?? '';
  return `${bytes / (FACTORS[suffix] ?? 1)}${suffix}`;
}
