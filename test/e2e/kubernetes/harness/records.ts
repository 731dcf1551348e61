import { appendFileSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesIdentity } from '../../../../lib/contract/kubernetes-rights';
import type { ON_CALL } from './runner-objects';

/** Whose calls of the Kubernetes API are looked at when all suites have ended. */
export interface RecordedAccount {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly identity: KubernetesIdentity | typeof ON_CALL;
}

interface Records {
  readonly accounts: RecordedAccount;
  /** Namespaces in which a test takes rights away. */
  readonly denied: { readonly namespace: string };
  /** Commands of the documentation that a test ran. */
  readonly commands: { readonly line: string };
}

/** Before all suites: makes the folder in which they leave what the last one reads, unless E2E_RECORDS names one. */
export function openRecords(): void {
  process.env.E2E_RECORDS ??= mkdtempSync(join(tmpdir(), 'tempo-backup-records-'));
}

export function record<K extends keyof Records>(kind: K, entry: Records[K]): void {
  appendFileSync(fileOf(kind), `${JSON.stringify(entry)}\n`);
}

export function recorded<K extends keyof Records>(kind: K): Records[K][] {
  if (!existsSync(fileOf(kind))) return [];
  const lines = readFileSync(fileOf(kind), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Records[K]);
}

function fileOf(kind: keyof Records): string {
  return join(process.env.E2E_RECORDS ?? tmpdir(), kind);
}
