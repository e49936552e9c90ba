module genaiops.dev/hack/kind/programs

go 1.25.0
