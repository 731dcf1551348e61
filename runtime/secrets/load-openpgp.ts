import type * as Openpgp from 'openpgp';

/** Loaded when it is needed: most runs have no Secret to encrypt. */
export function loadOpenpgp(): typeof Openpgp {
  // An `import()` would bundle the package's other build, which asks for `import.meta` and so can't be part of one file.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require('openpgp') as typeof Openpgp;
}
