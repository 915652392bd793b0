/** Entry of the bundled program. */
import { holdYoungSpace } from './young-space.ts';

holdYoungSpace(); // before the rest is loaded
const { main } = await import('./main.ts');

process.exitCode = await main(process.argv.slice(2));
