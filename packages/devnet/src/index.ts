/**
 * @palisade/devnet: a whole network on one machine, for development. Keys come from a seed that
 * everybody can know: never put anything of worth on one.
 */
export { knock } from './control/knock.ts';
export { type DevnetOptions, type RunningDevnet, startDevnet } from './devnet.ts';
export { keepVouchersIn } from './files.ts';
export {
  DEVELOPMENT_TIMING,
  makeNetwork,
  type Network,
  type NodeIdentity,
  POPULATION,
  type Timing,
} from './network.ts';
export { type DevnetRun, runDevnet } from './run.ts';
export { type PartOptions, runPart } from './run-part.ts';
export { type StoryEnd, type StoryOptions, type TotalsLine, tellStory } from './story.ts';
