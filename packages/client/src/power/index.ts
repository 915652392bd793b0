/** Storage power, as programs ask for it. */
export * from './check-draw.ts';
