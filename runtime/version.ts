/** The release of this runner, as manifests name it; set when it is bundled. */
export const RUNNER_VERSION: string = process.env.TEMPO_BACKUP_VERSION ?? 'development';
