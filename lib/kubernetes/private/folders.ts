/** Where the runner finds its configuration, and the files that belong to it. */
export const CONFIG_FOLDER = '/etc/tempo-backup';

/** Where a repository that is a volume is mounted. */
export const REPOSITORY_FOLDER = '/repository';
