{{- range . }}{{ range .Vulnerabilities }}
{{- $mended := "no fix yet" }}{{ if .FixedVersion }}{{ $mended = printf "fixed in %s" .FixedVersion }}{{ end }}
{{- printf "%-8s  %-16s  %-12s %-16s %s\n" .Severity .VulnerabilityID .PkgName .InstalledVersion $mended }}
{{- end }}{{ end -}}
