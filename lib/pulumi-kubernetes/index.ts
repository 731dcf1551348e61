export * from './kubernetes-backup';
