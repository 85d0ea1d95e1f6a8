// The text of `--help` apart from the options.

export const programHelp = `
Examples:
  tu-analyze upload photo.jpg                      the whole pipeline for one image
  tu-analyze upload *.jpg --batch -o json          many, as one document
  tu-analyze upload photo.jpg --expect model=930G  exit 1 unless it is recognised so
  tu-analyze recognise photo.jpg --annotate a.png  what is read, drawn on the picture
  tu-analyze machines -o json                      what was recognised so far

Variables: TU_ANALYZE_STATE_DIR, _FLOW, _TIMEOUT, _CONCURRENCY, _VISION, _VISION_DIR, _VISION_MODELS,
_VISION_RUNTIME, _VISION_ENDPOINT, _MAX_VISION_CALLS, _KEEP_FOR, _KEEP_FLOWS; NO_COLOR. Flags win over them, and
they over files.

Exit codes: 0 done; 1 it ran, and the answer is "failed"; 2 usage or configuration; 3 partly done; 4 not found;
5 not allowed; 6 cannot connect; 7 deadline passed; 8 conflict; 9 refused by a guard; 70 our bug;
130 interrupted; 143 terminated.`;

export const uploadHelp = `
Examples:
  tu-analyze upload photo.jpg --ephemeral --expect brand=Caterpillar,model=930G,verdict=new
  tu-analyze upload photos/*.jpg --batch -o jsonl
  tu-analyze upload photo.jpg --fault recognition=fail-once --timings
  curl -s https://example.org/photo.jpg | tu-analyze upload -

Variables: TU_ANALYZE_STATE_DIR, TU_ANALYZE_FLOW, TU_ANALYZE_TIMEOUT, TU_ANALYZE_CONCURRENCY, TU_ANALYZE_VISION,
TU_ANALYZE_VISION_DIR, TU_ANALYZE_VISION_MODELS, TU_ANALYZE_VISION_RUNTIME, TU_ANALYZE_VISION_ENDPOINT,
TU_ANALYZE_MAX_VISION_CALLS; GOOGLE_APPLICATION_CREDENTIALS.

Exit codes: 0 analysed, and as expected; 1 an analysis failed, or is not as expected, or every image failed;
3 some images were analysed, some not; 7 the deadline passed; 130 or 143 stopped: each image says what became of
it, and what was accepted goes on at the next start. One image that is not taken: 2, 4 or 5.`;

export const recogniseHelp = `
Examples:
  tu-analyze recognise photo.jpg --annotate read.png
  tu-analyze recognise photos/*.jpg --batch -o jsonl

--annotate writes a .png, .jpg or .webp, over what was there but never over an image that is read.
In a directory, which is made, each image becomes <name of the image>.png.

Variables: TU_ANALYZE_TIMEOUT, TU_ANALYZE_VISION, TU_ANALYZE_VISION_DIR, TU_ANALYZE_VISION_MODELS,
TU_ANALYZE_VISION_RUNTIME, TU_ANALYZE_VISION_ENDPOINT, TU_ANALYZE_MAX_VISION_CALLS; GOOGLE_APPLICATION_CREDENTIALS.

Exit codes: 0 read, whatever was recognised; 3 some images could not be read; otherwise as \`upload\`.`;

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

Exit codes: 0 listed, also when there are none; 4 no machine has that id; 2 several do.`;

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

The same is done at every start, by the settings keepFor (30d) and keepFlows (10000) of the configuration,
TU_ANALYZE_KEEP_FOR and TU_ANALYZE_KEEP_FLOWS. Machines, the pictures that they were seen in and flows
that are under way always stay. Uploads that nobody confirmed for a day go too.`;

export const verifyHelp = `
Examples:
  tu-analyze state verify
  tu-analyze state verify -o json | jq '.problems'

Exit codes: 0 all is well; 1 something is not.`;

export const clearHelp = `
Examples:
  tu-analyze state clear --yes
  tu-analyze state clear --yes --machines --state-dir ./state

Exit codes: 0 removed; 8 another process uses the state; 9 --yes is missing.`;

export const importHelp = `
Examples:
  tu-analyze vision import answer.json --image photo.jpg
  tu-analyze upload photo.jpg --vision replay

Variables: TU_ANALYZE_VISION_DIR, TU_ANALYZE_STATE_DIR.`;
