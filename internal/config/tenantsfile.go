package config

import "fishplate/internal/model"

func (l *loader) tenantsFile(name string, at model.Range) {}
func (l *loader) tenantVHosts()                           {}
