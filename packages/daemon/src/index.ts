export * from './files/atomicWrite.ts';
