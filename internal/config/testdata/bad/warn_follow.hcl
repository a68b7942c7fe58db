listener "web" { bind = [":80"] }
backend "routed" {
  servers = ["10.0.0.1:80"]
  persist "source" {
    follow = "session"
  }
}
backend "named" {
  servers = ["10.0.0.2:80"]
  persist "source" {
    follow = "session"
  }
}
tenant "shop" {
  program  = "warn_follow.hcl"
  backends = ["routed", "named"]
}
vhost "any" {
  backend = "routed"
  tenant  = "shop"
}
