// What fixelf prints with --json, as far as these tests use it.

export interface DoctorDocument {
  files: {
    path: string;
    verdict: string;
    summary: string;
    findings: { code: string; message: string; evidence: string[]; remedy: string }[];
  }[];
}

export interface FindDocument extends Fetched {
  sonames: { soname: string; providers: { path: string; storePath: string | null }[] }[];
}

/** With --get. */
export interface Fetched {
  got?: { attribute: string; storePath: string; sonames: string[] }[];
  notGot?: { soname: string; why: string }[];
}

export interface FixDocument {
  files: {
    path: string;
    outcome: "fixed" | "unchanged" | "refused" | "failed";
    verified: boolean;
    edits: { what: string; from: string | null; to: string }[];
    reasons: string[];
  }[];
}
