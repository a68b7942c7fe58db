backend "static" { servers = ["unix:/run/static.sock"] }
backend "shadow" { servers = ["10.0.2.1:${env("PORT")}"] }
