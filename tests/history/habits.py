"""What agents do: commands, addresses, files. Templates of `wording.fill`; data only."""

from typing import Final

#: With weights. Some merely look like what an audit looks for.
COMMANDS: Final = (
    ("pytest -q", 14), ("ruff check .", 8), ("git status", 8), ("git diff --stat HEAD~{n}", 6), ("make build", 6),
    ("ls -la {path}", 6), ("cat {path} | head -{n}", 5), ("npm run test -- --shard {n}/{n}", 4),
    ("gh pr view {pr}", 5), ("gh pr create --fill", 2), ("GH_PAGER=cat gh api /repos/acme/shop/issues/{pr}", 1),
    ("aws s3 ls s3://acme-builds/{n}", 2), ("AWS_PROFILE=prod AWS_PAGER= aws sts get-caller-identity", 1),
    ("sudo aws ecs update-service --service shop-{n}", 1), ("gcloud run services list", 1),
    ("gsutil cp out.tar gs://acme/{n}", 1), ("bq query 'select {n}'", 1), ("ghost --version", 1), ("awsome-cli run", 1),
    ("cd infra && aws s3 sync . s3://acme", 1), ("git clone https://github.com/acme/tool-{n}.git", 2),
    ("git push https://bot:token@GitHub.com:443/acme/shop.git main", 1),
    ("curl -sS https://api.github.com/repos/acme/shop/pulls/{pr}", 3),
    ("curl -s 'https://storage.googleapis.com/acme/{n}' -o out", 1),
    ("curl https://packages.example.org/left-pad", 2), ("curl -f http://127.0.0.1:8080/healthz", 3),
    ("wget https://acme-{n}.s3.eu-west-1.amazonaws.com/a.tgz https://mirror.example.net/simple/", 1),
    ("sudo systemctl restart shop", 1), ("psql -c 'select count(*) from orders where id > {n}'", 3),
)  # fmt: skip
URLS: Final = (
    ("https://docs.python.org/3/library/{n}.html", 6), ("https://api.github.com/repos/acme/shop/issues/{pr}", 4),
    ("https://www.postgresql.org/docs/17/", 3), ("https://console.aws.amazon.com/ecs/{n}", 1),
    ("https://www.googleapis.com/storage/v1/b/{n}", 1), ("https://cloud.google.com/run/docs", 1),
    ("HTTPS://Status.Example.COM:8443/v2?since={n}", 1),
)  # fmt: skip
API_CALLS: Final = (
    ("POST https://api.github.com/repos/acme/shop/pulls", 4), ("aws s3 PutObject", 2), ("GCP storage upload", 1),
    ("slack chat.postMessage", 3), ("https://api.stripe.com/v1/charges", 2), ("graphql viewer (GitHub)", 1),
    ("https://bigquery.googleapis.com/bigquery/v2/projects/{n}/queries", 1),
)  # fmt: skip
FILES: Final = (
    ("src/module_{n}.py", 24), ("tests/test_module_{n}.py", 16), ("README.md", 8), ("docs/page_{n}.md", 6),
    ("src/author.py", 3), ("AUTHORS", 2), ("lib/authority.rs", 1), ("config/settings_{n}.yaml", 3),
    ("src/Auth/login.py", 2), ("src/auth/author_{n}.py", 1), ("deploy/secrets.env", 1), ("lib/Credentials.json", 1),
    ("infra/config/secret_{n}.tf", 1), ("Makefile", 3),
)  # fmt: skip
#: Tools that run a shell command, by name.
SHELLS: Final = (("Bash", 16), ("shell", 2), ("bash", 1), ("sh", 1), ("execute_command", 1))
#: Inputs of such tools that hold no command.
WITHOUT_COMMAND: Final = ("not json {", '{"command": 7}', '{"command": ["ls"]}', '{"script": "ls"}', "[1]")
