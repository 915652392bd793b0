import { conformance } from './conformance.ts';
import { embeddedSubject } from './embeddedSubject.ts';

conformance('the embedded driver', embeddedSubject);
