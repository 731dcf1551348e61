const NEEDED = ['KUBECONFIG', 'TEST_S3_ENDPOINT', 'E2E_RUNNER_IMAGE', 'E2E_TEMPO_IMAGE'];

/** A suite that needs a cluster, an S3 server and images; skipped in one line when one of them isn't named. */
export function kubernetesSuite(title: string, body: () => void): void {
  const absent = NEEDED.filter((name) => !process.env[name]);
  if (absent.length === 0) return describe(title, body);
  const line = `${title} skipped: ${absent.join(', ')} not set`;
  // Not by the console, whose lines jest leaves out for a file in which all is skipped.
  process.stderr.write(`${line}\n`);
  const skippedWithoutCluster = it.skip;
  skippedWithoutCluster(line, () => undefined);
}
