import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type KubernetesObject } from './synthesized';

/** Runs a program as `cdk8s synth` does; the files that it wrote, by name. */
export function synthProgram(load: () => void): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'synth-'));
  process.env['CDK8S_OUTDIR'] = folder;
  try {
    // A program defines its charts while it is loaded.
    jest.isolateModules(load);
    return Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
  } finally {
    delete process.env['CDK8S_OUTDIR'];
    rmSync(folder, { recursive: true });
  }
}

export function objectsIn(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as KubernetesObject);
}
