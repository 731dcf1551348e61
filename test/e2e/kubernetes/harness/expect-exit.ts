/** Fails with all that was written, unless the exit code is this one. */
export function expectExit(what: string, ran: { readonly exitCode: number; readonly log: string }, wanted = 0): void {
  if (ran.exitCode !== wanted) throw new Error(`${what}: exit code ${ran.exitCode}, not ${wanted}\n${ran.log}`);
}
