// The text of `--help` apart from the options.

export const programHelp = `
Examples:
  tu-analyze upload photo.jpg                      the whole pipeline for one image
  tu-analyze upload *.jpg --batch -o json          many, as one document
  tu-analyze upload photo.jpg --expect model=930G  exit 1 unless this is recognised
  tu-analyze recognise photo.jpg --annotate a.png  the reading, drawn on the picture
  tu-analyze machines -o json                      the recognised machines so far

Variables: TU_ANALYZE_STATE_DIR, _FLOW, _TIMEOUT, _CONCURRENCY, _VISION, _VISION_DIR, _VISION_MODELS,
_VISION_RUNTIME, _VISION_ENDPOINT, _MAX_VISION_CALLS, _KEEP_FOR, _KEEP_FLOWS; NO_COLOR. Flags override
variables, and variables override files.

Exit codes: 0 success; 1 it ran, and the answer is "failed"; 2 invalid usage or configuration; 3 partial success;
4 not found; 5 permission denied; 6 cannot connect; 7 deadline exceeded; 8 conflict; 9 refused by a guard;
70 a bug in tu-analyze; 130 interrupted; 143 terminated.`;

export const uploadHelp = `
Examples:
  tu-analyze upload photo.jpg --ephemeral --expect brand=Caterpillar,model=930G,verdict=new
  tu-analyze upload photos/*.jpg --batch -o jsonl
  tu-analyze upload photo.jpg --fault recognition=fail-once --timings
  curl -s https://example.org/photo.jpg | tu-analyze upload -

Variables: TU_ANALYZE_STATE_DIR, TU_ANALYZE_FLOW, TU_ANALYZE_TIMEOUT, TU_ANALYZE_CONCURRENCY, TU_ANALYZE_VISION,
TU_ANALYZE_VISION_DIR, TU_ANALYZE_VISION_MODELS, TU_ANALYZE_VISION_RUNTIME, TU_ANALYZE_VISION_ENDPOINT,
TU_ANALYZE_MAX_VISION_CALLS; GOOGLE_APPLICATION_CREDENTIALS.

Exit codes: 0 analysed, as expected; 1 an analysis failed or did not meet an expectation, or every image failed;
3 some images succeeded and some did not; 7 deadline exceeded; 130 or 143 stopped: each image reports its fate,
and the next start resumes what was accepted. A single rejected image: 2, 4 or 5.`;

export const recogniseHelp = `
Examples:
  tu-analyze recognise photo.jpg --annotate read.png
  tu-analyze recognise photos/*.jpg --batch -o jsonl

--annotate writes a .png, .jpg or .webp. It overwrites existing files, but never an input image.
In a directory, which is created, each image becomes <image name>.png.

Variables: TU_ANALYZE_TIMEOUT, TU_ANALYZE_VISION, TU_ANALYZE_VISION_DIR, TU_ANALYZE_VISION_MODELS,
TU_ANALYZE_VISION_RUNTIME, TU_ANALYZE_VISION_ENDPOINT, TU_ANALYZE_MAX_VISION_CALLS; GOOGLE_APPLICATION_CREDENTIALS.

Exit codes: 0 the image was read, whatever was found in it; 3 some images could not be read; otherwise as \`upload\`.`;

export const completionHelp = `
Examples:
  tu-analyze completion bash > ~/.local/share/bash-completion/completions/tu-analyze
  tu-analyze completion zsh > "\${fpath[1]}/_tu-analyze"
  tu-analyze completion fish > ~/.config/fish/completions/tu-analyze.fish`;

export const machinesHelp = `
Examples:
  tu-analyze machines --limit 20
  tu-analyze machines -o jsonl | jq -r '[.id, .name] | @tsv'
  tu-analyze machines show 0198c7e6

Variables: TU_ANALYZE_STATE_DIR.

Exit codes: 0 listed, even if there are none; 4 no machine has that id; 2 several do.`;

export const messagesHelp = `
Examples:
  tu-analyze messages
  tu-analyze messages analysis.completed
  tu-analyze messages tu.images.uploaded --example
  tu-analyze messages analysis.completed --schema -o json > analysis.completed.schema.json`;

export const topologyHelp = `
Examples:
  tu-analyze topology
  tu-analyze topology --flow current -o mermaid > topology.mmd

Variables: TU_ANALYZE_FLOW.`;

export const stateHelp = `
Examples:
  tu-analyze state
  tu-analyze state prune --older-than 7d --dry-run
  tu-analyze state verify -o json
  tu-analyze state clear --yes

Variables: TU_ANALYZE_STATE_DIR, TU_ANALYZE_KEEP_FOR, TU_ANALYZE_KEEP_FLOWS.`;

export const pruneHelp = `
Examples:
  tu-analyze state prune --dry-run
  tu-analyze state prune --older-than 7d --keep 1000

Every start prunes in the same way, with the settings keepFor (30d) and keepFlows (10000),
TU_ANALYZE_KEEP_FOR and TU_ANALYZE_KEEP_FLOWS. Machines, the pictures they were seen in and flows
in progress are never pruned. Uploads left unconfirmed for a day are.`;

export const verifyHelp = `
Examples:
  tu-analyze state verify
  tu-analyze state verify -o json | jq '.problems'

Exit codes: 0 no problems; 1 something is inconsistent.`;

export const clearHelp = `
Examples:
  tu-analyze state clear --yes
  tu-analyze state clear --yes --machines --state-dir ./state

With --machines, only empty database files stay (0.5 MB), and recorded Google Vision responses.

Exit codes: 0 removed; 8 another process uses the state; 9 --yes is missing.`;

export const importHelp = `
Examples:
  tu-analyze vision import answer.json --image photo.jpg
  tu-analyze upload photo.jpg --vision replay

Variables: TU_ANALYZE_VISION_DIR, TU_ANALYZE_STATE_DIR.`;
